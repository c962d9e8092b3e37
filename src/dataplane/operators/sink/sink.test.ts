import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeNested, type NestedType } from "../../../foundation/columnar/binary-value.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import { SeededRandom } from "../../../foundation/host/simulated-random.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, runEvents } from "../../../../testkit/operator-harness/operator-case.ts";
import type { HarnessRow } from "../../../../testkit/operator-harness/operator-harness.ts";

const input = schemaOf({ id: types.int(), k: types.string(), v: types.int() });
const node = (options: Partial<SinkNode> = {}): SinkNode => ({
  ...nodeBase(input),
  type: "Sink",
  table: { name: "c.d.t", options: {}, schema: input },
  sinkChangelogMode: "upsert",
  upsertKey: [1],
  upsertMaterialize: false,
  notNullEnforcer: "ERROR",
  notNullFields: [],
  ...options,
});

test("NULL for a NOT NULL column is an error that names it", () => {
  const events = [rows(["+I", 1, "a", 1]), rows(["+I", 2, null, 1])];
  assert.throws(
    () => runEvents({ node: node({ notNullFields: [0, 1] }), inputs: [input], events }),
    {
      code: "MR4170",
      message: /Column 'k' is NOT NULL.*table c\.d\.t/,
    },
  );
});

test("or the row is dropped", () => {
  runCase({
    node: node({ notNullFields: [0, 1], notNullEnforcer: "DROP" }),
    inputs: [input],
    events: [
      rows(["+I", 1, "a", null], ["+I", null, "b", 2], ["+I", 3, null, 3], ["-D", 4, "d", 4]),
      rows(["+I", null, null, 1]),
    ],
    expected: [["+I[1, a, null]", "-D[4, d, 4]"], []],
  });
});

const nested = schemaOf({
  r: types.row([
    { name: "a", type: types.int(false) },
    { name: "s", type: types.varchar(2) },
  ]),
  l: types.array(types.varchar(2, false)),
  c: types.char(3),
  b: { kind: "BINARY", length: 2, nullable: true },
});
const nestedNode = (options: Partial<SinkNode>): SinkNode => ({
  ...node(options),
  ...nodeBase(nested),
  table: { name: "c.d.t", options: {}, schema: nested },
  upsertKey: [],
});
const listOf = (...values: (string | null)[]) =>
  encodeNested(values, nested.fields[1]!.type as NestedType);

test("texts and bytes are cut and padded to their types, within rows when asked", () => {
  const events = [
    rows(
      ["+I", [1, "abc"], null, "é", Uint8Array.of(1)],
      ["+I", null, null, "wxyz", Uint8Array.of(1, 2, 3)],
      ["-D", [3, "x"], null, "xyz", null],
    ),
  ];
  const run = (options: Partial<SinkNode>) =>
    runEvents({ node: nestedNode(options), inputs: [nested], events })[0];
  assert.deepEqual(run({ typeLengthEnforcer: "TRIM_PAD" }), [
    "+I[+I[1, abc], null, é  , [1, 0]]",
    "+I[null, null, wxy, [1, 2]]",
    "-D[+I[3, x], null, xyz, null]",
  ]);
  const within = run({ typeLengthEnforcer: "TRIM_PAD", nestedConstraintEnforcer: "ROWS" });
  assert.equal(within![0], "+I[+I[1, ab], null, é  , [1, 0]]");
  assert.throws(() => run({ typeLengthEnforcer: "ERROR" }), {
    code: "MR4171",
    message: /Column 'c' is CHAR\(3\), however, a string of length 1/,
  });
});

test("NULL within rows and collections", () => {
  const events = [
    rows(
      ["+I", [1, null], listOf("a"), null, null],
      ["+I", [2, null], listOf("a", null), null, null],
      ["+I", null, null, null, null],
    ),
  ];
  const run = (options: Partial<SinkNode>) =>
    runEvents({ node: nestedNode(options), inputs: [nested], events })[0];
  assert.equal(run({ nestedConstraintEnforcer: "ROWS" })!.length, 3);
  assert.throws(() => run({ nestedConstraintEnforcer: "ROWS_AND_COLLECTIONS" }), {
    code: "MR4170",
    message: /Column 'l\[1\]' is NOT NULL/,
  });
  assert.deepEqual(
    run({ nestedConstraintEnforcer: "ROWS_AND_COLLECTIONS", notNullEnforcer: "DROP" }),
    ["+I[+I[1, null], [a], null, null]", "+I[null, null, null, null]"],
  );
});

const materialized = { upsertMaterialize: true, upsertKeys: [[0]] } as const;

test("rows of several upsert keys under one primary key: the last one shows, the one before comes back", () => {
  runCase({
    node: node(materialized),
    inputs: [input],
    events: [
      rows(["+I", 1, "a", 10], ["+I", 2, "a", 20]),
      rows(["-U", 1, "a", 10], ["+U", 1, "b", 11]),
      rows(["-D", 2, "a", 20]),
      rows(["-D", 9, "a", 1], ["-D", 1, "b", 11]),
    ],
    expected: [
      ["+I[1, a, 10]", "+U[2, a, 20]"],
      ["+I[1, b, 11]"],
      ["-D[2, a, 20]"],
      ["-D[1, b, 11]"],
    ],
  });
  runCase({
    node: node(materialized),
    inputs: [input],
    events: [
      rows(["+I", 1, "a", 10], ["+I", 2, "a", 20], ["+I", 3, "a", 30]),
      rows(["+U", 2, "a", 21]),
      rows(["-D", 3, "a", 30]),
      rows(["-D", 2, "a", 21]),
    ],
    expected: [
      ["+I[1, a, 10]", "+U[2, a, 20]", "+U[3, a, 30]"],
      ["+U[2, a, 21]"],
      ["+U[2, a, 21]"],
      ["+U[1, a, 10]"],
    ],
  });
});

/** Flink's SinkUpsertMaterializer, word for word, over lists. */
function model(events: readonly HarnessRow[][], hasUpsertKey: boolean): string[][] {
  const lists = new Map<unknown, unknown[][]>();
  return events.map((event) => {
    const out: string[] = [];
    for (const [kind, ...row] of event) {
      const list = lists.get(row[1]) ?? [];
      lists.set(row[1], list);
      const matches = (other: unknown[]) =>
        hasUpsertKey ? other[0] === row[0] : JSON.stringify(other) === JSON.stringify(row);
      const index = list.findIndex(matches);
      const text = (values: unknown[]) => `[${values.map(String).join(", ")}]`;
      if (kind === "+I" || kind === "+U") {
        out.push((list.length === 0 ? "+I" : "+U") + text(row));
        if (hasUpsertKey && index >= 0) list[index] = row;
        else list.push(row);
      } else if (index >= 0) {
        list.splice(index, 1);
        if (list.length === 0) out.push(`-D${text(row)}`);
        else if (index === list.length) out.push(`+U${text(list.at(-1)!)}`);
      }
    }
    return out;
  });
}

for (const hasUpsertKey of [true, false]) {
  test(`random changes as Flink's materializer, ${hasUpsertKey ? "with" : "without"} upsert key`, () => {
    for (let seed = 1; seed <= 15; seed++) {
      const random = new SeededRandom(seed);
      // Few keys and many rows: sets beyond 16 rows have an index.
      const ids = seed % 2 === 0 ? 8 : 60;
      const events = Array.from({ length: 6 }, () =>
        Array.from({ length: 60 }, (): HarnessRow => {
          const kind = (["+I", "+U", "-U", "-D"] as const)[random.below(4)]!;
          const adds = random.chance(0.5) ? "+I" : kind;
          const id = random.below(ids);
          const text = random.chance(0.1) ? null : "x".repeat(random.below(3));
          return [adds, id, text, hasUpsertKey ? random.below(1000) : id % 3];
        }),
      );
      const options = {
        node: node({ ...materialized, upsertKeys: hasUpsertKey ? [[0]] : [] }),
        inputs: [input],
        events: events.map((event) => rows(...event)),
      };
      const restoreAt = seed % 6;
      assert.deepEqual(runEvents(options, restoreAt), model(events, hasUpsertKey), `seed ${seed}`);
    }
  });
}
