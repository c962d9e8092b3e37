/** Nexmark's count_char as a function of ours: q14 calls it when `--count-char` is given, as Flink calls the Java one. */
import { fileURLToPath } from "node:url";
import type { UserScalarFunction } from "../../src/foundation/plan/user-function.ts";

export const countChar: UserScalarFunction = {
  kind: "scalar",
  signatures: [{ args: ["STRING", "STRING"], returns: "BIGINT" }],
  eval: (text: string | null, character: string | null) => {
    if (text === null || character === null) return null;
    let count = 0;
    const wanted = character.charCodeAt(0);
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === wanted) count++;
    return count;
  },
};

const JAVA = "AS 'com.github.nexmark.flink.udf.CountChar'";

/** A script for Flink, with this function in place of the Java one. */
export function withOwnCountChar(script: string): string {
  const own = `AS '${fileURLToPath(import.meta.url)}#countChar' LANGUAGE TYPESCRIPT`;
  return script.replace(JAVA, () => own);
}
