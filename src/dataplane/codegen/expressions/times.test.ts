/** Dates, times, zones and intervals against JavaScript's Date and Intl. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { call, type Expression, input, literal } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";

const MONTHS: LogicalType = {
  kind: "INTERVAL_YEAR_MONTH",
  qualifier: "INTERVAL MONTH",
  nullable: true,
};
const MILLIS: LogicalType = {
  kind: "INTERVAL_DAY_TIME",
  qualifier: "INTERVAL DAY TO SECOND(3)",
  nullable: true,
};
const runtime = testRuntime();

function evaluate(
  fieldTypes: readonly LogicalType[],
  rows: readonly (readonly TestValue[])[],
  projection: readonly Expression[],
  timeZone = "UTC",
): TestValue[][] {
  const schema = { fields: fieldTypes.map((type, i) => ({ name: `f${i}`, type })) };
  const output = { fields: projection.map(({ type }, i) => ({ name: `r${i}`, type })) };
  const calc = compileCalc(
    { input: schema, projection, output },
    { runtime, environment: { ...testEnvironment, timeZone }, operator: "test" },
  );
  return readRows(runtime, output, calc.process(writeBatch(runtime, schema, rows)));
}

const millis = (text: string) => BigInt(Date.parse(`${text}Z`));
const days = (text: string) => Date.parse(`${text}T00:00Z`) / 86_400_000;

test("months keep the day, or take the month's last", () => {
  const date = types.date();
  const stamp = types.timestamp(3);
  const cases: [string, bigint, string][] = [
    ["2024-01-31", 1n, "2024-02-29"],
    ["2023-01-31", 1n, "2023-02-28"],
    ["2024-02-29", 12n, "2025-02-28"],
    ["2024-03-31", -1n, "2024-02-29"],
    ["1970-01-01", -1n, "1969-12-01"],
    ["2000-12-15", 1n, "2001-01-15"],
    ["0001-05-31", 11999n, "1001-04-30"],
  ];
  const result = evaluate(
    [date, MONTHS, stamp],
    cases.map(([from, months]) => [days(from), months, millis(`${from}T23:59:59.999`)]),
    [
      call("PLUS", [input(0, date), input(1, MONTHS)], date),
      call("PLUS", [input(1, MONTHS), input(2, stamp)], stamp),
      call("MINUS", [input(0, date), call("UNARY_MINUS", [input(1, MONTHS)], MONTHS)], date),
    ],
  );
  cases.forEach(([from, months, to], i) => {
    const expected = [days(to), millis(`${to}T23:59:59.999`), days(to)];
    assert.deepEqual(result[i], expected, `${from} + ${months} months`);
  });
});

test("intervals of days: timestamps, TIME goes round, differences", () => {
  const [stamp, fine, time, date] = [
    types.timestamp(3),
    types.timestamp(9),
    types.time(3),
    types.date(),
  ];
  const day = literal(86_400_000, MILLIS);
  const hour = literal(3_600_000, MILLIS);
  const at = millis("1969-12-31T23:30");
  const result = evaluate(
    [stamp, fine, time, date],
    [[at, [at, 999_999n], 82_800_000 + 1_800_000, -1]],
    [
      call("PLUS", [input(0, stamp), day], stamp),
      call("MINUS", [input(1, fine), hour], fine),
      call("PLUS", [input(2, time), hour], time),
      call("MINUS", [input(3, date), day], date),
      call("MINUS", [input(0, stamp), literal({ millis: 0, nanos: 0 }, stamp)], MILLIS),
      call("MINUS", [literal(days("2024-03-31"), date), literal(days("2024-02-29"), date)], MONTHS),
      call("TIMES", [hour, literal(3, types.int())], MILLIS),
      call("CAST", [input(1, fine)], date),
      call("CAST", [input(1, fine)], types.timestamp(1)),
      call("CAST", [input(0, stamp)], types.string()),
    ],
  );
  assert.deepEqual(result, [
    [
      at + 86_400_000n,
      [at - 3_600_000n, 999_999n],
      1_800_000,
      -2,
      at,
      1n,
      10_800_000n,
      0,
      at,
      "1969-12-31 23:30:00.000",
    ],
  ]);
});

test("zones: every offset change of a decade, gaps and overlaps as java.time", () => {
  const local = types.timestamp(3);
  const instant = types.timestampLtz(3);
  for (const zone of [
    "Europe/Paris",
    "America/New_York",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "+05:30",
  ]) {
    const instants: bigint[] = [];
    for (let t = Date.UTC(2019, 0, 1); t < Date.UTC(2026, 0, 1); t += 13 * 3_600_000 + 1)
      instants.push(BigInt(t));
    const projection = [
      call("CAST", [input(0, instant)], local),
      call("CAST", [call("CAST", [input(0, instant)], local)], instant),
    ];
    const result: TestValue[][] = [];
    for (let i = 0; i < instants.length; i += 4096)
      result.push(
        ...evaluate(
          [instant],
          instants.slice(i, i + 4096).map((t) => [t]),
          projection,
          zone,
        ),
      );
    const format = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      dateStyle: "short",
      timeStyle: "medium",
    });
    instants.forEach((t, i) => {
      const [localMs, back] = result[i] as [bigint, bigint];
      const shown = format.format(Number(t)).replace(" ", "T");
      assert.equal(new Date(Number(localMs)).toISOString().slice(0, 19), shown, zone);
      // In the overlap the earlier of both moments is meant.
      assert.ok(
        back === t || t - back === 3_600_000n || t - back === 1_800_000n,
        `${zone} ${shown}`,
      );
    });
  }
  const toInstant = (text: string) =>
    (
      evaluate(
        [local],
        [[millis(text)]],
        [call("CAST", [input(0, local)], instant)],
        "Europe/Paris",
      )[0] as [bigint]
    )[0];
  assert.equal(
    toInstant("2024-03-31T02:30"),
    millis("2024-03-31T01:30"),
    "gap: forward by an hour",
  );
  assert.equal(
    toInstant("2024-10-27T02:30"),
    millis("2024-10-27T00:30"),
    "overlap: the summer time",
  );
  assert.equal(toInstant("2024-07-01T12:00"), millis("2024-07-01T10:00"));
  assert.throws(
    () => evaluate([local], [[0n]], [call("CAST", [input(0, local)], instant)], "Mars/Base"),
    {
      code: "MR1003",
    },
  );
});

test("text to dates, times and timestamps, and what is none", () => {
  const text = types.string();
  const rows = [
    ["2024-02-29", "7:5:3.25", "2024-2-3T04:05:06.789012345"],
    [" 2024-1-9 10:00:00", "23", "2024-02-03"],
    ["2023-02-29", "24:00:00", "2024-02-03 25:00:00"],
    ["12", "12:60", "2024-02"],
    ["", "", ""],
    [null, "1:2:3:4", "2024-02-03 x"],
  ];
  const result = evaluate([text, text, text], rows, [
    call("TRY_CAST", [input(0, text)], types.date()),
    call("TRY_CAST", [input(1, text)], types.time(3)),
    call("TRY_CAST", [input(2, text)], types.timestamp(9)),
  ]);
  const time = (h: number, m: number, s: number, ms: number) => ((h * 60 + m) * 60 + s) * 1000 + ms;
  assert.deepEqual(result, [
    [days("2024-02-29"), time(7, 5, 3, 250), [millis("2024-02-03T04:05:06.789"), 12345n]],
    [null, time(23, 0, 0, 0), [millis("2024-02-03T00:00"), 0n]],
    [null, null, null],
    [days("0012-01-01"), null, null],
    [null, null, null],
    [null, null, null],
  ]);
});
