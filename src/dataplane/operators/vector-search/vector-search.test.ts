import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedWorld } from "../../../foundation/host/simulated-env.ts";
import { Engine } from "../../../../testkit/conformance/engine.ts";

const SEED = 11;

async function answers(select: string): Promise<string[]> {
  const world = new SimulatedWorld(SEED);
  const engine = new Engine({ env: world.boot() });
  engine.execute(
    "CREATE TABLE q (id INT, v ARRAY<FLOAT>) WITH ('connector' = 'values', 'changelog-mode' = 'I,UA,UB,D')",
  );
  engine.execute(
    "CREATE TABLE t (label STRING, e ARRAY<FLOAT>) WITH ('connector' = 'values', 'enable-vector-search' = 'true')",
  );
  engine.store.register("q", [
    { row: [1, [2, 0]] },
    { kind: "-D", row: [2, [0, -3]] },
    { row: [3, null] },
    { row: [4, [1, 2, 3]] },
  ]);
  engine.store.register(
    "t",
    [
      { row: ["east", [1, 0]] },
      { row: ["north", [0, 1]] },
      { row: ["none", null] },
      { row: ["far east", [9, 0]] },
      { row: ["south east", [1, -1]] },
    ],
    { ended: false },
  );
  const { rows } = await world.run(engine.query(select));
  return rows.map(({ text }) => text).sort();
}

const search = (kind: string) =>
  `SELECT id, label, CAST(score * 100 AS INT) FROM q ${kind} VECTOR_SEARCH(TABLE t, DESCRIPTOR(e), q.v, 2)) ON TRUE`;

test("the nearest rows by angle, equal ones in the table's order; nothing for NULL or other dimensions", async () => {
  assert.deepEqual(await answers(search("JOIN LATERAL TABLE(")), [
    "+I[1, east, 100]",
    "+I[1, far east, 100]",
    "-D[2, east, 0]",
    "-D[2, south east, 70]",
  ]);
});

test("LEFT JOIN keeps rows that find nothing", async () => {
  const rows = await answers(search("LEFT JOIN LATERAL TABLE("));
  assert.equal(rows.length, 6);
  assert.ok(rows.includes("+I[3, null, null]") && rows.includes("+I[4, null, null]"));
});

test("arguments that do not fit are refused", async () => {
  const refused = (call: string, message: RegExp) =>
    assert.rejects(answers(`SELECT id FROM q, LATERAL TABLE(VECTOR_SEARCH(${call}))`), {
      code: "MR2118",
      message,
    });
  await refused("TABLE t, DESCRIPTOR(e), q.v, 0", /top_k/);
  await refused("TABLE t, DESCRIPTOR(label), q.v, 1", /ARRAY<FLOAT>/);
  await refused("TABLE t, DESCRIPTOR(e), q.id, 1", /ARRAY<FLOAT>/);
  await refused("TABLE t, DESCRIPTOR(e), q.v, 1, MAP['async', 'true']", /in memory/);
});
