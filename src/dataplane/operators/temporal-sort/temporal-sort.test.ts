import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  rows,
  runCase,
  time,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const input = schemaOf({ v: types.int(), ts: types.timestamp(3) });
const asc = (index: number) => ({ index, descending: false, nullsFirst: true });
const node = (attribute: "ROWTIME" | "PROCTIME") => ({
  ...nodeBase(input, { changelogMode: "insert-only" }),
  type: "TemporalSort" as const,
  sort: [asc(1), asc(0)],
  time: { attribute, index: 1, type: types.timestamp(3) },
});
const T = (second: number) => `1970-01-01T00:00${second === 0 ? "" : `:0${second}`}`;

test("rows wait for the watermark, in order of time and value; late ones are dropped", () => {
  runCase({
    node: node("ROWTIME"),
    inputs: [input],
    events: [
      rows(["+I", 3, 3000], ["+I", 2, 1000], ["+I", 1, 1000]),
      watermark(2000),
      rows(["+I", 9, 1000], ["+I", 0, 3000], ["+I", 7, 2500]),
      watermark(4000),
    ],
    expected: [
      [],
      [`+I[1, ${T(1)}]`, `+I[2, ${T(1)}]`, "watermark 2000"],
      [],
      [`+I[7, ${T(2)}.500]`, `+I[0, ${T(3)}]`, `+I[3, ${T(3)}]`, "watermark 4000"],
    ],
  });
});

test("by processing time rows of one millisecond are sorted by the other fields", () => {
  runCase({
    node: node("PROCTIME"),
    inputs: [input],
    events: [rows(["+I", 3, 0], ["+I", 1, 0]), time(1)],
    expected: [[], [`+I[1, ${T(0)}]`, `+I[3, ${T(0)}]`]],
  });
});
