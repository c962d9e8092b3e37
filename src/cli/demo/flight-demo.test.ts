import assert from "node:assert/strict";
import { test } from "node:test";
import { flightLines } from "./flight-demo.ts";

test("flights become JSON lines in order of time", () => {
  const flight = { delay: 1, distance: 2, origin: "SAN", destination: "SJC" };
  const text = flightLines([
    { ...flight, date: "2001/02/01 10:00" },
    { ...flight, date: "2001/01/13 14:56" },
  ]);
  const dates = text
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { date: string }).date);
  assert.deepEqual(dates, ["2001-01-13 14:56:00", "2001-02-01 10:00:00"]);
});
