import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WatermarkAssignerNode } from "../../../foundation/plan/exec-node.ts";
import { call, input as field, literal } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runEvents, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const ts = types.timestamp(3);
const schema = schemaOf({ v: types.int(), ts });
const second: LogicalType = {
  kind: "INTERVAL_DAY_TIME",
  qualifier: "INTERVAL SECOND(3)",
  nullable: false,
};
const node: WatermarkAssignerNode = {
  ...nodeBase(schema),
  type: "WatermarkAssigner",
  rowtime: 1,
  watermark: call("MINUS", [field(1, ts), literal("1000", second)], ts),
  idleTimeoutMs: 0,
};
const at = (text: string) => `1970-01-01T00:00:${text}`;

test("the watermark follows the batch in which it has risen, and never falls", () => {
  const emitted = runEvents({
    node,
    inputs: [schema],
    events: [
      rows(["+I", 1, 5_000], ["+I", 2, 3_000]),
      rows(["+I", 3, 4_000]),
      watermark(99_000),
      rows(["+I", 4, 7_000]),
    ],
  });
  assert.deepEqual(emitted, [
    [`+I[1, ${at("05")}]`, `+I[2, ${at("03")}]`, "watermark 4000"],
    [`+I[3, ${at("04")}]`],
    [],
    [`+I[4, ${at("07")}]`, "watermark 6000"],
  ]);
});

test("a NULL in the rowtime is refused", () => {
  const events = [rows(["+I", 1, 5_000], ["+I", 2, null])];
  assert.throws(() => runEvents({ node, inputs: [schema], events }), { code: "MR4150" });
});
