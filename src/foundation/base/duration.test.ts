import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

const cases: readonly (readonly [string, number | undefined])[] = [
  ["10", 10],
  [" 10 s ", 10_000],
  ["1min", 60_000],
  ["2 Days", 172_800_000],
  ["500 µs", 0.5],
  ["5000000 ns", 5],
  ["PT1M30S", 90_000],
  ["P1DT2H", 93_600_000],
  ["pt0.25s", 250],
  ["P", undefined],
  ["PT", undefined],
  ["P5M", undefined],
  ["P1DT", undefined],
  ["1.5 s", undefined],
  ["-1 s", undefined],
  ["10 parsecs", undefined],
  ["", undefined],
];

for (const [text, ms] of cases)
  test(`the duration '${text}' is ${ms}`, () => assert.equal(parseDuration(text), ms));
