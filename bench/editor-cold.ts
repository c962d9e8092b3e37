/**
 * The first answer of the editor services in a process that has given none: `bench sql` starts this once for each.
 *
 * Args:   complete | hover | definition | format, the offset that is asked about, the preparation or none: 1 | 0.
 * In/out: the script on standard input; milliseconds of the preparation and of the answer as JSON on standard output.
 */
import { readFileSync } from "node:fs";
import { sqlHost } from "../src/cli/sql-host.ts";
import { SqlEditorService } from "../src/language/sql/editor/editor-service.ts";
import { SqlSession } from "../src/language/sql/script/sql-session.ts";

const [question = "", offset = "0", prepared = "0"] = process.argv.slice(2);
const text = readFileSync(0, "utf8");
const at = Number(offset);
const editor = new SqlEditorService({ newSession: () => new SqlSession({ host: sqlHost() }) });
const asks: Readonly<Record<string, () => unknown>> = {
  complete: () => editor.complete(text, at).items.find(({ kind }) => kind === "column"),
  hover: () => editor.hover(text, at),
  definition: () => editor.definition(text, at),
  format: () => editor.format(text).edits[0],
};

const preparedMs = timed(() => {
  if (prepared !== "1") return;
  const steps = editor.prepare();
  while (steps.next().done !== true);
});
let answer: unknown;
const answerMs = timed(() => {
  answer = asks[question]?.();
});
if (answer === undefined) process.exitCode = 1;
console.log(JSON.stringify({ preparedMs, answerMs }));

function timed(action: () => void): number {
  const startedMs = performance.now();
  action();
  return performance.now() - startedMs;
}
