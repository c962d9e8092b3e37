/** Every built-in function gives what is written down for its sample call. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  functionResults,
  functionSamples,
  isResult,
  resultsUrl,
  runSample,
} from "./function-samples.ts";

test("sample calls of the built-in functions", async () => {
  const results: Record<string, string> = {};
  const wrong: string[] = [];
  for (const [signature, sample] of Object.entries(functionSamples)) {
    const got = await runSample(sample);
    const expected = functionResults[signature];
    if (!isResult(expected, got)) wrong.push(`${signature}: ${expected} expected, got ${got}`);
    results[signature] = expected?.startsWith("~") === true ? expected : got;
  }
  if (process.env["UPDATE"] === "1")
    writeFileSync(resultsUrl, `${JSON.stringify(results, undefined, 2)}\n`);
  else assert.deepEqual(wrong, []);
});
