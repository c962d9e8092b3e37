/**
 * programs.jsonl: whole jobs: tables with rows, INSERTs, what the sinks hold; straight, with a savepoint in the middle, and
 * bounded. A program passes when every kind of run that Flink's tests name gives the expected rows.
 *
 * Kinds:   semantic: all rows, the input ends. restore: the first rows without an end, a savepoint, a new job from it, the
 *          other rows (and the end unless INFINITE). batch-…: bounded, all rows at once.
 * Grades:  A is SQL; B needs a user-defined function or model; C is Table API and not run.
 */
import { Engine } from "../engine.ts";
import { runProgram, type RunKind } from "../program-run.ts";
import {
  type ConformanceCase,
  errorText,
  failed,
  jsonLines,
  type Outcome,
  passed,
  type Suite,
  uniqueIds,
} from "../suite.ts";
import { judgeSinks } from "./program-judge.ts";
import { configOf, declareProgram, type ProgramRecord } from "./program-record.ts";

export const programsSuite: Suite = {
  file: "programs.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<ProgramRecord>(text).map((record): ConformanceCase => {
      const notRun = reasonNotToRun(record);
      return {
        id: idOf(`${record.class}/${record.id}`),
        text: JSON.stringify(record.run),
        limitMs: 10_000,
        ...(notRun === undefined ? {} : { notRun }),
        run: () => check(record),
      };
    });
  },
};

function reasonNotToRun({ grade, runner }: ProgramRecord): string | undefined {
  if (grade === "C") return "Table API only";
  return runner.length === 0 ? "no test runs it" : undefined;
}

async function check(record: ProgramRecord): Promise<Outcome> {
  const kinds = new Map(record.runner.map((run) => [`${run.kind}/${run.afterRestore ?? ""}`, run]));
  for (const run of kinds.values())
    for (const one of runs(record)) {
      const outcome = await checkRun(one, run as { kind: RunKind; afterRestore?: string });
      if (!outcome.passed) return failed(`${run.kind}: ${outcome.expected}`, outcome.got);
    }
  return passed;
}

/** A statement that fails is run without the others that fail; else a program is one run. */
function runs(record: ProgramRecord): readonly ProgramRecord[] {
  const right = record.run.filter(({ expectError }) => expectError === undefined);
  const wrong = record.run.filter(({ expectError }) => expectError !== undefined);
  if (wrong.length === 0) return [record];
  return wrong.map((step) => ({ ...record, run: [...right, step] }));
}

async function checkRun(
  record: ProgramRecord,
  { kind, afterRestore }: { readonly kind: RunKind; readonly afterRestore?: string },
): Promise<Outcome> {
  const expectError = record.run.find((step) => step.expectError !== undefined)?.expectError;
  try {
    const engine = await runProgram({
      kind,
      afterRestore: afterRestore ?? "FINITE",
      record,
      createEngine: (env) => {
        const batch = kind.startsWith("batch");
        const engine = new Engine({ batch, env, config: configOf(record) });
        declareProgram(engine, record, batch);
        return engine;
      },
    });
    if (expectError !== undefined) return failed(`error ${expectError.message ?? ""}`, "no error");
    return judgeSinks(engine, record, kind);
  } catch (error) {
    const got = errorText(error);
    if (expectError === undefined) return failed("rows", got);
    const flat = (text: string) => text.replaceAll(/\s+/g, " ").trim();
    const right = flat(got).includes(flat(expectError.message ?? ""));
    return right ? passed : failed(`error ${expectError.message ?? ""}`, got);
  }
}
