import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { DeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import {
  end,
  rows,
  runCase,
  watermark,
} from "../../../../testkit/operator-harness/operator-case.ts";

const rowtime = { ...types.timestamp(3), timeAttribute: "ROWTIME" } as ReturnType<
  typeof types.timestamp
>;
const input = schemaOf({ k: types.string(), v: types.int(), ts: rowtime });

function deduplicate(
  options: Partial<DeduplicateNode> & { attribute?: "PROCTIME" },
): DeduplicateNode {
  const { attribute = "ROWTIME", ...rest } = options;
  return {
    ...nodeBase(input),
    type: "Deduplicate",
    keys: [0],
    keepLast: false,
    time: { attribute, index: 2, type: rowtime },
    generateUpdateBefore: true,
    ...rest,
  };
}
const at = (second: number) => second * 1000;
const T = (second: number) => `1970-01-01T00:00:0${second}`;

test("first by processing time: only the first row of a key passes", () => {
  runCase({
    node: deduplicate({ attribute: "PROCTIME" }),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 1, at(1)], ["+I", "b", 2, at(2)], ["+I", "a", 3, at(3)]),
      rows(["+I", "b", 4, at(1)], ["+I", "c", 5, at(1)]),
    ],
    expected: [[`+I[a, 1, ${T(1)}]`, `+I[b, 2, ${T(2)}]`], [`+I[c, 5, ${T(1)}]`]],
  });
});

test("last by processing time: equal rows change nothing", () => {
  runCase({
    node: deduplicate({ attribute: "PROCTIME", keepLast: true }),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 1, at(1)], ["+I", "a", 1, at(1)]),
      rows(["+I", "a", 2, at(1)], ["+I", "a", 3, at(1)]),
    ],
    expected: [
      [`+I[a, 1, ${T(1)}]`],
      [`-U[a, 1, ${T(1)}]`, `+U[a, 2, ${T(1)}]`, `-U[a, 2, ${T(1)}]`, `+U[a, 3, ${T(1)}]`],
    ],
  });
});

test("last and first by rowtime", () => {
  const events = [
    rows(["+I", "a", 1, at(5)], ["+I", "a", 2, at(5)]),
    rows(["+I", "a", 3, at(4)], ["+I", "a", 4, at(6)]),
  ];
  runCase({
    node: deduplicate({ keepLast: true, generateUpdateBefore: false }),
    inputs: [input],
    rescaleBy: [0],
    events,
    expected: [[`+I[a, 1, ${T(5)}]`, `+U[a, 2, ${T(5)}]`], [`+U[a, 4, ${T(6)}]`]],
  });
  runCase({
    node: deduplicate({}),
    inputs: [input],
    rescaleBy: [0],
    events,
    expected: [[`+I[a, 1, ${T(5)}]`], [`-U[a, 1, ${T(5)}]`, `+U[a, 3, ${T(4)}]`]],
  });
});

test("first by rowtime, insert-only: emitted when the watermark reaches its time", () => {
  runCase({
    node: deduplicate({ changelogMode: "insert-only", outputInsertOnly: true }),
    inputs: [input],
    rescaleBy: [0],
    events: [
      rows(["+I", "a", 1, at(5)], ["+I", "b", 2, at(3)]),
      rows(["+I", "a", 3, at(4)]),
      watermark(at(4)),
      rows(["+I", "a", 4, at(4)], ["+I", "c", 5, at(2)]),
      watermark(at(6)),
      end,
    ],
    expected: [
      [],
      [],
      [`+I[b, 2, ${T(3)}]`, `+I[a, 3, ${T(4)}]`, "watermark 4000"],
      [],
      ["watermark 6000"],
      [],
    ],
  });
});
