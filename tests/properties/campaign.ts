/**
 * The properties over the programs of programs.jsonl, counted by property.
 *
 * Flow:    main.ts and properties.test.ts → here → variants.ts.
 * Scope:   programs.jsonl; exceptions.jsonl names what differs by definition, in Flink too: {"id", "properties", "reason"}.
 */
import { readFileSync } from "node:fs";
import { cancelRunning } from "../../testkit/conformance/engine.ts";
import {
  conformanceFolder,
  readConformanceFile,
} from "../../testkit/conformance/conformance-data.ts";
import { errorText, jsonLines, uniqueIds } from "../../testkit/conformance/suite.ts";
import type { ProgramRecord } from "../../testkit/conformance/suites/program-record.ts";
import { baseline, checkProperty, PROPERTIES, type Property, type Verdict } from "./variants.ts";

export interface Finding {
  readonly property: Property;
  readonly id: string;
  readonly seed: number;
  readonly verdict: Verdict;
}

interface Exception {
  readonly id: string;
  readonly properties: readonly Property[];
  readonly reason: string;
}

const exceptions = jsonLines<Exception>(
  readFileSync(new URL("exceptions.jsonl", import.meta.url), "utf8"),
);

export async function* findings(only: RegExp, seeds: readonly number[]): AsyncGenerator<Finding> {
  const idOf = uniqueIds();
  const text = readConformanceFile(conformanceFolder(), "programs.jsonl");
  for (const record of jsonLines<ProgramRecord>(text)) {
    const id = idOf(`${record.class}/${record.id}`);
    if (record.grade === "C" || record.runner.length === 0 || !only.test(id)) continue;
    for (const seed of seeds) yield* ofProgram(record, id, seed);
  }
}

async function* ofProgram(
  record: ProgramRecord,
  id: string,
  seed: number,
): AsyncGenerator<Finding> {
  let expected: string;
  try {
    expected = await baseline(record, seed);
  } catch (error) {
    const reason = `the streaming run is refused: ${errorText(error)}`;
    for (const property of PROPERTIES)
      yield { property, id, seed, verdict: { kind: "left-out", reason } };
    return;
  }
  const random = generator(seed);
  for (const property of PROPERTIES) {
    const named = exceptions.find((one) => one.properties.includes(property) && one.id === id);
    let verdict = await checkProperty(property, record, expected, seed, random);
    if (verdict.kind === "different" && named !== undefined)
      verdict = { kind: "excepted", reason: named.reason };
    cancelRunning();
    yield { property, id, seed, verdict };
  }
}

/** A linear congruential generator. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
