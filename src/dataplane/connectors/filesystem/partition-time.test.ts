import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { parsePartitionTime } from "./partition-time.ts";
import { escapeName, parsePartitionText, partitionText, unescapeName } from "./partition-value.ts";

test("partitions' times: patterns over columns, formatters, what is none", () => {
  const columns = [
    ["dt", "2024-02-29"],
    ["hr", "7"],
  ] as const;
  const time = (
    pattern?: string,
    formatter?: string,
    of = columns as readonly (readonly [string, string])[],
  ) => new Date(parsePartitionTime(of, { pattern, formatter })).toISOString().slice(0, 19);
  assert.equal(time(), "2024-02-29T00:00:00");
  assert.equal(time("$dt $hr:00:00"), "2024-02-29T07:00:00");
  assert.equal(time("$dt 0$hr", "yyyy-MM-dd HH"), "2024-02-29T07:00:00");
  assert.equal(time("$d", "yyyyMMdd'T'HH", [["d", "20240102T23"]]), "2024-01-02T23:00:00");
  for (const [pattern, formatter] of [
    ["$dt $hr:00:00", "yyyy-MM-dd HH:mm:ss"],
    ["$dt 25:00:00", undefined],
    ["2023-02-29", undefined],
    ["$none", undefined],
  ] as const)
    assert.throws(() => time(pattern, formatter), { code: "MR3021" }, pattern);
});

test("values of partitions: to the text of a folder and back", () => {
  for (const [type, value, text] of [
    [types.string(), "a/b=c %", "a/b=c %"],
    [types.int(), -7, "-7"],
    [types.bigint(), 9_223_372_036_854_775_807n, "9223372036854775807"],
    [types.boolean(), true, "true"],
    [types.date(), -1, "1969-12-31"],
    [types.decimal(5, 2), { unscaled: -150n, scale: 2 }, "-1.50"],
    [
      types.timestamp(9),
      { millis: 1_700_000_000_123, nanos: 456_000 },
      "2023-11-14T22:13:20.123456",
    ],
    [types.time(3), 3_600_001, "01:00:00.001"],
    [types.double(), 0.1, "0.1"],
  ] as const) {
    assert.equal(partitionText(value, type), text);
    assert.equal(unescapeName(escapeName(text)), text);
    assert.deepEqual(parsePartitionText(text, type, "k"), value);
  }
  assert.equal(escapeName("a/b=c %"), "a%2Fb%3Dc %25");
  for (const empty of [null, ""]) assert.equal(partitionText(empty, types.string()), undefined);
  for (const [type, text] of [
    [types.int(), "2147483648"],
    [types.tinyint(), "x"],
    [types.date(), "2024-13-01"],
    [types.decimal(3, 1), "1.25"],
    [types.time(0), "24:00"],
    [types.boolean(), "yes"],
  ] as const)
    assert.throws(() => parsePartitionText(text, type, "k"), { code: "MR3020" }, text);
});
