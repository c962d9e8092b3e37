import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowSpec, WindowTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import { rows, runCase, watermark } from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const input = schemaOf({ v: types.int(), ts: rowtime });
const output = schemaOf({
  v: types.int(),
  ts: rowtime,
  window_start: types.timestamp(3, false),
  window_end: types.timestamp(3, false),
  window_time: rowtime,
});

function node(window: Partial<WindowSpec>): WindowTableFunctionNode {
  const time = { attribute: "ROWTIME", index: 1, type: rowtime } as const;
  return {
    ...nodeBase(output),
    type: "WindowTableFunction",
    window: { kind: "TUMBLE", sizeMs: 10_000, offsetMs: 0, ...window, time },
  };
}
const W = (v: number, at: string, start: string, end: string, last: string) =>
  `+I[${v}, 1970-01-01T00:00${at}, 1970-01-01T00:00${start}, 1970-01-01T00:00${end}, 1970-01-01T00:00${last}]`;

test("TUMBLE with offset; a row without a time is dropped; kinds are carried", () => {
  runCase({
    node: node({}),
    inputs: [input],
    rescaleBy: [0],
    events: [rows(["+I", 1, 9_999], ["+I", 2, null], ["-D", 3, 10_000])],
    expected: [
      W(1, ":09.999", "", ":10", ":09.999"),
      W(3, ":10", ":10", ":20", ":19.999").replace("+I", "-D"),
    ],
  });
  runCase({
    node: node({ offsetMs: 3_000 }),
    inputs: [input],
    rescaleBy: [0],
    events: [rows(["+I", 1, 13_000])],
    expected: [W(1, ":13", ":13", ":23", ":22.999")],
  });
});

test("HOP and CUMULATE give one row per window", () => {
  runCase({
    node: node({ kind: "HOP", slideMs: 5_000 }),
    inputs: [input],
    rescaleBy: [0],
    events: [rows(["+I", 1, 12_000])],
    expected: [W(1, ":12", ":10", ":20", ":19.999"), W(1, ":12", ":05", ":15", ":14.999")],
  });
  runCase({
    node: node({ kind: "CUMULATE", stepMs: 5_000 }),
    inputs: [input],
    rescaleBy: [0],
    events: [rows(["+I", 1, 12_000], ["+I", 2, 17_000])],
    expected: [
      W(1, ":12", ":10", ":15", ":14.999"),
      W(1, ":12", ":10", ":20", ":19.999"),
      W(2, ":17", ":10", ":20", ":19.999"),
    ],
  });
});

test("SESSION: rows are kept until their session is over, then emitted with its bounds", () => {
  runCase({
    node: node({ kind: "SESSION", gapMs: 5_000, partitionKeys: [0] }),
    inputs: [input],
    rescaleBy: [0],
    unordered: true,
    events: [
      rows(["+I", 1, 11_000], ["+I", 1, 19_000], ["+I", 2, 12_000]),
      rows(["+I", 1, 15_000], ["+I", 1, 40_000]),
      watermark(16_999),
      rows(["+I", 2, 11_500]),
      watermark(50_000),
    ],
    expected: [
      [],
      [],
      [W(2, ":12", ":12", ":17", ":16.999"), "watermark 16999"],
      [],
      [
        W(1, ":11", ":11", ":24", ":23.999"),
        W(1, ":19", ":11", ":24", ":23.999"),
        W(1, ":15", ":11", ":24", ":23.999"),
        W(1, ":40", ":40", ":45", ":44.999"),
        "watermark 50000",
      ],
    ],
  });
});
