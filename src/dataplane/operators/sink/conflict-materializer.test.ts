import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const schema = schemaOf({ id: types.int(), by: types.string(), v: types.bigint() });

const sink = (onConflict: "NOTHING" | "ERROR"): SinkNode => ({
  ...nodeBase(schema),
  upsertKeys: [[1]],
  type: "Sink",
  table: { name: "c.d.t", options: {}, schema },
  sinkChangelogMode: "upsert",
  upsertKey: [0],
  upsertMaterialize: true,
  onConflict,
  notNullEnforcer: "ERROR",
  notNullFields: [],
});

test("ON CONFLICT DO NOTHING: the first row of a key stays until it goes", () => {
  runCase({
    node: sink("NOTHING"),
    inputs: [schema],
    events: [
      rows(["+I", 1, "a", 10n], ["+I", 1, "b", 20n], ["+I", 2, "c", 30n], ["+I", null, null, 5n]),
      watermark(5),
      rows(["-U", 1, "a", 10n], ["+U", 1, "a", 11n], ["-D", 2, "c", 30n]),
      rows(["+I", 3, "d", 1n], ["-D", 3, "d", 1n], ["-D", null, null, 5n], ["+I", null, null, 5n]),
      watermark(6),
      rows(["-D", 1, "a", 11n], ["+I", 1, "e", 12n]),
      watermark(7),
    ],
    expected: [
      [],
      ["+I[1, a, 10]", "+I[2, c, 30]", "+I[null, null, 5]", "watermark 5"],
      [],
      [],
      ["+U[1, a, 11]", "-D[2, c, 30]", "watermark 6"],
      [],
      ["+U[1, e, 12]", "watermark 7"],
    ],
    unordered: true,
    rescaleBy: [0],
  });
});

test("ON CONFLICT DO ERROR: two rows of one key at a watermark end the job, one that goes before does not", () => {
  const node = sink("ERROR");
  runCase({
    node,
    inputs: [schema],
    events: [
      rows(["+I", 1, "a", 1n], ["-D", 1, "a", 1n], ["+I", 1, "b", 2n]),
      watermark(1),
      rows(["+U", 1, "b", 3n]),
      watermark(2),
    ],
    expected: [[], ["+I[1, b, 2]", "watermark 1"], [], ["+U[1, b, 3]", "watermark 2"]],
    rescaleBy: [0],
  });
  assert.throws(
    () =>
      runCase({
        node,
        inputs: [schema],
        events: [rows(["+I", 1, "a", 1n], ["+I", 1, "b", 2n]), watermark(1)],
        expected: [],
      }),
    { code: "MR4164" },
  );
});
