/** The generator against the published hashes of its reference: every event, byte for byte. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  defaultGeneratorConfig,
  type GeneratorConfig,
  NexmarkGenerator,
} from "./event-generator.ts";
import { EventLineWriter } from "./event-lines.ts";
import { SplittableRandom } from "./splittable-random.ts";

interface HashCase {
  readonly name: string;
  readonly events: number;
  readonly config: Partial<GeneratorConfig>;
  readonly sha256: string;
}

const FAST = { rate: 10_000_000, eventsNum: 100_000_000 };

const CASES: readonly HashCase[] = [
  {
    name: "1,000 events",
    events: 1_000,
    config: {},
    sha256: "1f407e9fdccb99e410a159d741fa516c057c91fe54630b38f16d5c208c853647",
  },
  {
    name: "200,000 events at 10,000/s",
    events: 200_000,
    config: {},
    sha256: "cb3cc1aceac0ff35fa2d3e7e74613ea79779bfa14afa8ee466f49577ed6684d2",
  },
  {
    name: "200,000 events at 10 M/s",
    events: 200_000,
    config: FAST,
    sha256: "9aa032ab504a861a412424bbc285676efad8f48aaafd3f2a913d8a9224d4145c",
  },
  {
    name: "the second of two generators",
    events: 200_000,
    config: { ...FAST, generators: 2, generatorIndex: 1 },
    sha256: "3d5e6e81a1eb849d53e2e2e628da54235b3ce6e52147f9b44a93ae2b27b4ab8b",
  },
  {
    name: "the fourth of eight unbounded generators",
    events: 200_000,
    config: { rate: 10_000_000, generators: 8, generatorIndex: 3 },
    sha256: "6a0f8729435d5756d4ffea012f016821e97ce0f7f5d390f33305f0fe2bd7143c",
  },
  {
    name: "events out of order in groups of 1,000",
    events: 200_000,
    config: { outOfOrderGroupSize: 1000 },
    sha256: "b2f129aef59736218ae7070a249155823bb2610d696fd5979f6917ba61d8002f",
  },
];

for (const { name, events, config, sha256 } of CASES) {
  test(`hash of ${name}`, () => {
    assert.equal(hashOf(events, { ...defaultGeneratorConfig, ...config }), sha256);
  });
}

test("SplittableRandom draws as Java's does", () => {
  const ints = new SplittableRandom(1);
  assert.deepEqual(
    [0, 0, 0].map(() => ints.nextInt()),
    [246745853, -1243790691, 634001762],
  );
  const below = new SplittableRandom(1);
  assert.deepEqual(
    [10, 10, 10, 8, 8].map((bound) => below.nextBelow(bound)),
    [6, 2, 1, 3, 7],
  );
  const doubles = new SplittableRandom(1);
  assert.deepEqual(
    [0, 0].map(() => doubles.nextDouble()),
    [0.5665615751722809, 0.7457817572627011],
  );
});

test("the wide form says what the reference form says", () => {
  const reference = linesOf("reference", 500);
  const wide = linesOf("wide", 500);
  assert.equal(reference.length, 500);
  for (const [i, line] of wide.entries()) assert.deepEqual(line, widened(reference[i]!));
});

type Json = Record<string, unknown>;

function widened(line: Json): Json {
  const { event_type } = line;
  const wide: Json = { event_type, person: null, auction: null, bid: null };
  for (const kind of ["person", "auction", "bid"]) {
    const fields = line[kind] as Json | undefined;
    if (fields === undefined) continue;
    const copy = { ...fields };
    for (const name of ["dateTime", "expires"])
      if (name in copy)
        copy[name] = new Date(copy[name] as number).toISOString().replace("T", " ").slice(0, 23);
    wide[kind] = copy;
  }
  return wide;
}

function linesOf(form: "reference" | "wide", events: number): Json[] {
  const generator = new NexmarkGenerator(defaultGeneratorConfig);
  const writer = new EventLineWriter(form, generator.tables, 1 << 20);
  for (let i = 0; i < events; i++) writer.write(generator.next());
  const text = Buffer.from(writer.bytes.subarray(0, writer.size)).toString();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
}

function hashOf(events: number, config: GeneratorConfig): string {
  const generator = new NexmarkGenerator(config);
  const writer = new EventLineWriter("reference", generator.tables, 1 << 20);
  const hash = createHash("sha256");
  for (let i = 0; i < events; i++) {
    writer.write(generator.next());
    if (!writer.full) continue;
    hash.update(writer.bytes.subarray(0, writer.size));
    writer.size = 0;
  }
  return hash.update(writer.bytes.subarray(0, writer.size)).digest("hex");
}
