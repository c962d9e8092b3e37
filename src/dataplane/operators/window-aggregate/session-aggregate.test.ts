import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const input = schemaOf({ k: types.string(), v: types.string(), ts: rowtime });
const output = schemaOf({
  k: types.string(),
  n: types.bigint(false),
  max: types.string(),
  s: types.timestamp(3, false),
  e: types.timestamp(3, false),
});
const aggregate = (name: string, args: number[], type: LogicalType): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct: false,
  retract: false,
  type,
  name,
});
const node: WindowAggregateNode = {
  ...nodeBase(output),
  type: "WindowAggregate",
  window: {
    kind: "SESSION",
    sizeMs: 0,
    gapMs: 5_000,
    offsetMs: 0,
    time: { attribute: "ROWTIME", index: 2, type: rowtime },
  },
  grouping: [0],
  aggregates: [aggregate("COUNT", [], types.bigint(false)), aggregate("MAX", [1], types.string())],
  properties: ["window_start", "window_end"],
};
const W = (text: string, start: string, end: string) =>
  `+I[${text}, 1970-01-01T00:00:${start}, 1970-01-01T00:00:${end}]`;

test("sessions grow, are joined by a row between them, and fire when the gap has passed", () => {
  runCase({
    node,
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", "a", "x", 1_000], ["+I", "a", "y", 9_000], ["+I", "b", "q", 2_000]),
      watermark(5_000),
      rows(
        ["+I", "a", "z", 5_500],
        ["+I", "a", "a long text of its own", 30_000],
        ["+I", "a", "n", null],
      ),
      watermark(6_999),
      rows(["+I", "b", "late", 500], ["+I", "b", "r", 3_000]),
      watermark(13_999),
      watermark(40_000),
    ],
    expected: [
      [],
      ["watermark 5000"],
      [],
      [W("b, 1, q", "02", "07"), "watermark 6999"],
      [],
      [W("a, 3, z", "01", "14"), W("b, 1, r", "03", "08"), "watermark 13999"],
      [W("a, 1, a long text of its own", "30", "35"), "watermark 40000"],
    ],
  });
});
