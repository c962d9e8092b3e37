import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogicalType, types } from "./logical-type.ts";
import { formatDouble, formatFloat } from "./double-text.ts";
import type { Value } from "./value-reader.ts";
import { formatRow, formatValue, zoneOffsetMs } from "./value-text.ts";

const sql = { style: "sql", timeZone: "Asia/Shanghai" } as const;
const both = (value: Value, type: LogicalType) => [
  formatValue(value, type),
  formatValue(value, type, sql),
];

test("rows print as Row.toString", () => {
  const schema = {
    fields: [
      { name: "a", type: types.int() },
      { name: "b", type: types.string() },
      { name: "t", type: types.timestamp(3) },
      { name: "r", type: types.row([{ name: "x", type: types.boolean() }]) },
    ],
  };
  const values = [1, "abc", { millis: Date.UTC(2020, 0, 1) + 123, nanos: 0 }, [true]];
  assert.equal(formatRow(0, values, schema), "+I[1, abc, 2020-01-01T00:00:00.123, +I[true]]");
  assert.equal(formatRow(1, [null, "", null, null], schema), "-U[null, , null, null]");
});

test("temporal values in both manners", () => {
  const midnight = { millis: Date.UTC(2020, 0, 1), nanos: 0 };
  const fine = { millis: Date.UTC(2020, 0, 1, 10, 0, 1) + 5, nanos: 600_000 };
  const before = { millis: -1, nanos: 999_999 };
  assert.deepEqual(both(midnight, types.timestamp(3)), [
    "2020-01-01T00:00",
    "2020-01-01 00:00:00.000",
  ]);
  assert.deepEqual(both(fine, types.timestamp(6)), [
    "2020-01-01T10:00:01.005600",
    "2020-01-01 10:00:01.005600",
  ]);
  assert.deepEqual(both(before, types.timestamp(9)), [
    "1969-12-31T23:59:59.999999999",
    "1969-12-31 23:59:59.999999999",
  ]);
  assert.deepEqual(both(midnight, types.timestampLtz(0)), [
    "2020-01-01T00:00:00Z",
    "2020-01-01 08:00:00",
  ]);
  assert.deepEqual(both(18262, types.date()), ["2020-01-01", "2020-01-01"]);
  assert.deepEqual(both(36_000_000, types.time(0)), ["10:00", "10:00:00"]);
  assert.deepEqual(both(36_001_500, types.time(3)), ["10:00:01.500", "10:00:01.500"]);
});

test("numbers, bytes, intervals", () => {
  assert.deepEqual(both({ unscaled: 27n, scale: 9 }, types.decimal(10, 9)), [
    "2.7E-8",
    "0.000000027",
  ]);
  assert.deepEqual(both({ unscaled: -105n, scale: 2 }, types.decimal(10, 2)), ["-1.05", "-1.05"]);
  assert.deepEqual(both(Uint8Array.of(1, 253), types.bytes()), ["[1, -3]", "x'01fd'"]);
  assert.deepEqual(both(true, types.boolean()), ["true", "TRUE"]);
  const months: LogicalType = {
    kind: "INTERVAL_YEAR_MONTH",
    qualifier: "INTERVAL YEAR",
    nullable: true,
  };
  const millis: LogicalType = {
    kind: "INTERVAL_DAY_TIME",
    qualifier: "INTERVAL DAY",
    nullable: true,
  };
  assert.deepEqual(both(14n, months), ["P1Y2M", "+1-02"]);
  assert.deepEqual(both(93_784_005n, millis), ["PT26H3M4.005S", "+1 02:03:04.005"]);
});

test("floating point as Java prints it", () => {
  const doubles = [
    0,
    -0,
    1,
    0.001,
    0.00012,
    1e7,
    123456.789,
    1e-320,
    5e-324,
    Number.NaN,
    -Infinity,
  ];
  assert.deepEqual(doubles.map(formatDouble), [
    ...["0.0", "-0.0", "1.0", "0.001", "1.2E-4", "1.0E7", "123456.789", "1.0E-320", "4.9E-324"],
    ...["NaN", "-Infinity"],
  ]);
  assert.deepEqual(
    [0.1, 1.4e-45, 3.4028235e38, 16777216, 370861.625].map((x) => formatFloat(Math.fround(x))),
    ["0.1", "1.4E-45", "3.4028235E38", "1.6777216E7", "370861.62"],
  );
});

test("zones: offsets with and without summer time", () => {
  assert.equal(zoneOffsetMs(Date.UTC(2024, 6, 1), "Europe/Berlin"), 7_200_000);
  assert.equal(zoneOffsetMs(Date.UTC(2024, 0, 1), "Europe/Berlin"), 3_600_000);
  assert.equal(zoneOffsetMs(-1, "UTC"), 0);
});
