import { test } from "node:test";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import type { WindowAggregateNode, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { WindowEmit } from "../../../foundation/plan/window-spec.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as LogicalType;
const proctime = { ...types.timestampLtz(3), timeAttribute: "PROCTIME" } as LogicalType;
const input = schemaOf({ k: types.string(), v: types.int(), ts: rowtime });
const output = schemaOf({
  k: types.string(),
  n: types.bigint(false),
  d: types.bigint(false),
  s: types.timestamp(3, false),
  t: rowtime,
});
const call = (name: string, args: number[], distinct: boolean): AggregateCall => ({
  function: name,
  args,
  filter: -1,
  distinct,
  retract: false,
  type: types.bigint(false),
  name,
});
const node = (emit: WindowEmit, window: Partial<WindowSpec> = {}): WindowAggregateNode => ({
  ...nodeBase(output),
  type: "WindowAggregate",
  window: {
    kind: "TUMBLE",
    sizeMs: 10_000,
    offsetMs: 0,
    time: { attribute: "ROWTIME", index: 2, type: rowtime },
    ...window,
  },
  grouping: [0],
  aggregates: [call("COUNT", [], false), call("COUNT", [1], true)],
  properties: ["window_start", "window_time"],
  emit,
  generateUpdateBefore: true,
});
const W = (text: string, start = "00", last = "09.999"): string =>
  `${text}, 1970-01-01T00:${start}, 1970-01-01T00:00:${last}]`;
const common = { inputs: [input], rescaleBy: [0], unordered: true } as const;

test("early fire without delay: every row shows a change, also rows of one key in a batch", () => {
  runCase({
    ...common,
    unordered: false,
    node: node({ earlyMs: 0, latenessMs: 0 }),
    events: [
      rows(["+I", "a", 1, 1_000], ["+I", "b", 1, 2_000], ["+I", "a", 1, 3_000]),
      rows(["+I", "a", 2, 4_000]),
      watermark(9_999),
      rows(["+I", "a", 9, 5_000], ["+I", "a", 9, 15_000]),
      watermark(20_000),
    ],
    expected: [
      [W("+I[a, 1, 1"), W("+I[b, 1, 1"), W("-U[a, 1, 1"), W("+U[a, 2, 1")],
      [W("-U[a, 2, 1"), W("+U[a, 3, 2")],
      ["watermark 9999"],
      [W("+I[a, 1, 1", "00:10", "19.999")],
      ["watermark 20000"],
    ],
  });
});

test("early fire every second of processing time: what has not changed is not shown again", () => {
  runCase({
    ...common,
    node: node({ earlyMs: 1_000, latenessMs: 0 }),
    events: [
      time(5_000),
      rows(["+I", "a", 1, 1_000], ["+I", "a", 1, 3_000]),
      time(5_999),
      time(6_000),
      rows(["+I", "a", 7, 3_000], ["+I", "b", 7, 3_000]),
      time(7_000),
      time(9_500),
      rows(["+I", "a", 7, 3_000], ["+I", "b", 7, 3_000]),
      watermark(9_999),
      time(20_000),
    ],
    expected: [
      [],
      [],
      [],
      [W("+I[a, 2, 1")],
      [],
      [W("-U[a, 2, 1"), W("+U[a, 3, 2"), W("+I[b, 1, 1")],
      [],
      [],
      [W("-U[a, 3, 2"), W("+U[a, 4, 2"), W("-U[b, 1, 1"), W("+U[b, 2, 1"), "watermark 9999"],
      [],
    ],
  });
});

test("late fire without delay: late rows show at once, until the lateness is over", () => {
  runCase({
    ...common,
    node: node({ lateMs: 0, latenessMs: 5_000 }),
    events: [
      rows(["+I", "a", 1, 1_000]),
      watermark(9_999),
      rows(["+I", "a", 1, 2_000], ["+I", "c", 1, 2_000], ["+I", "a", 3, 2_000]),
      watermark(14_998),
      rows(["+I", "a", 3, 2_000]),
      watermark(14_999),
      rows(["+I", "a", 4, 2_000]),
      watermark(30_000),
    ],
    expected: [
      [],
      [W("+I[a, 1, 1"), "watermark 9999"],
      [W("-U[a, 1, 1"), W("+U[a, 2, 1"), W("+I[c, 1, 1"), W("-U[a, 2, 1"), W("+U[a, 3, 2")],
      ["watermark 14998"],
      [W("-U[a, 3, 2"), W("+U[a, 4, 2")],
      ["watermark 14999"],
      [],
      ["watermark 30000"],
    ],
  });
});

test("early and late fire by delays: a window that comes late shows its rows at once", () => {
  runCase({
    ...common,
    node: node({ earlyMs: 1_000, lateMs: 3_000, latenessMs: 60_000 }),
    events: [
      time(1_000),
      rows(["+I", "a", 1, 1_000]),
      time(2_000),
      rows(["+I", "a", 2, 1_000]),
      watermark(9_999),
      rows(["+I", "a", 3, 2_000], ["+I", "c", 1, 2_000], ["+I", "c", 1, 2_000]),
      time(4_999),
      time(5_000),
      watermark(69_998),
      rows(["+I", "a", 4, 2_000]),
      watermark(69_999),
      time(30_000),
    ],
    expected: [
      [],
      [],
      [W("+I[a, 1, 1")],
      [],
      [W("-U[a, 1, 1"), W("+U[a, 2, 2"), "watermark 9999"],
      [W("+I[c, 1, 1"), W("-U[c, 1, 1"), W("+U[c, 2, 1")],
      [],
      [W("-U[a, 2, 2"), W("+U[a, 3, 3")],
      ["watermark 69998"],
      [],
      ["watermark 69999"],
      [],
    ],
  });
});

test("HOP: a row is late in one of its windows and not in the other", () => {
  runCase({
    ...common,
    node: node({ earlyMs: 0, latenessMs: 0 }, { kind: "HOP", slideMs: 5_000 }),
    events: [
      rows(["+I", "a", 1, 6_000]),
      watermark(9_999),
      rows(["+I", "a", 2, 7_000]),
      watermark(30_000),
    ],
    expected: [
      [W("+I[a, 1, 1", "00:05", "14.999"), W("+I[a, 1, 1")],
      ["watermark 9999"],
      [W("-U[a, 1, 1", "00:05", "14.999"), W("+U[a, 2, 2", "00:05", "14.999")],
      ["watermark 30000"],
    ],
  });
});

test("processing time: early results, then the last one when the window is over", () => {
  const schema = schemaOf({ k: types.string(), v: types.int(), ts: proctime });
  const first = "1970-01-01T00:00";
  const at = (text: string) => `${text}, ${first}, ${first}:09.999Z]`;
  const made = node(
    { earlyMs: 4_000, latenessMs: 0 },
    { time: { attribute: "PROCTIME", index: 2, type: proctime } },
  );
  const named = { ...output.fields[4]!, type: types.timestampLtz(3) };
  runCase({
    inputs: [schema],
    rescaleBy: [0],
    unordered: true,
    node: { ...made, output: { fields: [...output.fields.slice(0, 4), named] } },
    events: [
      time(1_000),
      rows(["+I", "a", 1, 0]),
      time(5_000),
      rows(["+I", "a", 1, 0]),
      time(9_999),
      time(20_000),
    ],
    expected: [[], [], [at("+I[a, 1, 1")], [], [at("-U[a, 1, 1"), at("+U[a, 2, 1")], []],
  });
});

const taking = (emit: WindowEmit): WindowAggregateNode => {
  const made = node(emit);
  return {
    ...made,
    retracts: true,
    aggregates: made.aggregates.map((each) => ({ ...each, retract: true })),
  };
};

test("rows that are taken back: each firing shows what is left, and -D when nothing is", () => {
  runCase({
    ...common,
    unordered: false,
    node: taking({ earlyMs: 0, lateMs: 0, latenessMs: 5_000 }),
    events: [
      rows(["+I", "a", 1, 1_000], ["+I", "a", 2, 2_000], ["-U", "a", 2, 2_000]),
      rows(["+U", "a", 2, 3_000], ["-D", "a", 1, 1_000], ["-D", "a", 2, 3_000]),
      rows(["-D", "b", 7, 1_000]),
      rows(["+I", "b", 7, 1_000], ["+I", "b", 8, 1_000], ["+I", "c", 1, 1_000]),
      watermark(9_999),
      rows(["-D", "b", 8, 1_000], ["-U", "c", 1, 1_000], ["+U", "c", 2, 1_000]),
      rows(["+I", "b", 9, 1_000]),
      watermark(14_999),
      rows(["+I", "b", 1, 1_000], ["-D", "c", 2, 1_000]),
      watermark(30_000),
    ],
    expected: [
      [W("+I[a, 1, 1"), W("-U[a, 1, 1"), W("+U[a, 2, 2"), W("-U[a, 2, 2"), W("+U[a, 1, 1")],
      [W("-U[a, 1, 1"), W("+U[a, 2, 2"), W("-U[a, 2, 2"), W("+U[a, 1, 1"), W("-D[a, 1, 1")],
      [],
      [W("+I[c, 1, 1"), W("+I[b, 1, 1")],
      ["watermark 9999"],
      [W("-D[b, 1, 1"), W("-D[c, 1, 1"), W("+I[c, 1, 1")],
      [W("+I[b, 1, 1")],
      ["watermark 14999"],
      [],
      ["watermark 30000"],
    ],
  });
});

test("rows that are taken back: between two firings by the clock only what is left counts", () => {
  runCase({
    ...common,
    node: taking({ earlyMs: 1_000, lateMs: 2_000, latenessMs: 60_000 }),
    events: [
      time(1_000),
      rows(["+I", "a", 1, 1_000], ["+I", "b", 1, 1_000], ["+I", "a", 1, 2_000]),
      time(2_000),
      rows(["-U", "a", 1, 2_000], ["+U", "a", 5, 2_000], ["-D", "b", 1, 1_000]),
      time(3_000),
      rows(["-D", "a", 5, 2_000], ["+I", "b", 3, 1_000]),
      watermark(9_999),
      rows(["-D", "a", 1, 1_000], ["-D", "b", 3, 1_000], ["+I", "b", 4, 1_000]),
      time(5_000),
      watermark(70_000),
    ],
    expected: [
      [],
      [],
      [W("+I[a, 2, 1"), W("+I[b, 1, 1")],
      [],
      [W("-U[a, 2, 1"), W("+U[a, 2, 2"), W("-D[b, 1, 1")],
      [],
      [W("-U[a, 2, 2"), W("+U[a, 1, 1"), W("+I[b, 1, 1"), "watermark 9999"],
      [],
      [W("-D[a, 1, 1")],
      ["watermark 70000"],
    ],
  });
});
