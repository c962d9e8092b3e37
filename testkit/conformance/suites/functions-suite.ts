/**
 * functions.json: the built-in functions by signature. One counts as built when its sample call gives what is written down
 * for it (function-samples.ts).
 */
import { functionResults, functionSamples, isResult, runSample } from "../function-samples.ts";
import { failed, type Outcome, passed, type Suite, uniqueIds } from "../suite.ts";

interface FunctionRecord {
  readonly category: string;
  readonly sql: string;
}

export const functionsSuite: Suite = {
  file: "functions.json",
  load: (text) => {
    const idOf = uniqueIds();
    return (JSON.parse(text) as FunctionRecord[]).map(({ category, sql }) => {
      const signature = sql.split(/\s+/).join(" ").trim();
      return {
        id: idOf(`${category} ${signature}`),
        text: signature,
        run: () => check(signature),
      };
    });
  },
};

async function check(signature: string): Promise<Outcome> {
  const sample = functionSamples[signature];
  if (sample === undefined) return failed(`a sample call of ${signature}`, "none");
  const got = await runSample(sample);
  const expected = functionResults[signature];
  return isResult(expected, got) ? passed : failed(expected ?? "a result written down", got);
}
