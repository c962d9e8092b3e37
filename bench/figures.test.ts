import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "../src/foundation/base/errors.ts";
import { oneOf, parseArguments, wholeNumber } from "./arguments.ts";
import { summarise } from "./figures.ts";
import { formatTable } from "./table.ts";

test("median and spread", () => {
  assert.deepEqual(summarise([3, 1, 2]), { median: 2, spread: 1 });
  assert.deepEqual(summarise([1, 3]), { median: 2, spread: 1 });
  assert.deepEqual(summarise([5]), { median: 5, spread: 0 });
});

test("tables align the first column left, the others right", () => {
  const text = formatTable(
    ["q", "n"],
    [
      ["q10", "1"],
      ["q2", "1000"],
    ],
  );
  assert.equal(text, "q       n\n───  ────\nq10     1\nq2   1000\n");
});

test("names and options in any order", () => {
  const kinds = { events: "value", json: "flag" } as const;
  const { names, options } = parseArguments(["q0", "--events=2_000", "--json", "q1"], kinds);
  assert.deepEqual(names, ["q0", "q1"]);
  assert.equal(wholeNumber(options, "events", 1), 2000);
  assert.equal(wholeNumber(options, "repeat", 3), 3);
  assert.ok(options.has("json"));
});

test("what is not understood is refused", () => {
  const kinds = { events: "value", json: "flag" } as const;
  const refused = (call: () => unknown) =>
    assert.throws(call, (error) => error instanceof MillraceError && error.code === "MR1080");
  refused(() => parseArguments(["--evnets", "1"], kinds));
  refused(() => parseArguments(["--events"], kinds));
  refused(() => parseArguments(["--json=1"], kinds));
  refused(() => wholeNumber(new Map([["events", "1.5"]]), "events", 1));
  refused(() => wholeNumber(new Map([["events", "0"]]), "events", 1));
  refused(() => oneOf(new Map([["vs", "spark"]]), "vs", ["flink"]));
});
