/**
 * `bench sql`: the front half alone, warm: parsing a script of 300 lines, planning a query of TPC-DS's largest shape, compiling
 * Nexmark queries to WebAssembly, what an editor asks while one writes; and the editor's first answers (editor-cold.ts).
 *
 * Check: the script parses without errors, the plan holds all its scans, every compiled query has made a module.
 * Warm:  WARM_UPS runs before, then the median of at least MIN_RUNS: V8 compiles what an editor or a session runs again and again.
 */
import { spawnSync } from "node:child_process";
import { instantiateKernels } from "../src/dataplane/kernels/instantiate.ts";
import { engineParts } from "../src/cli/engine.ts";
import { openOperators } from "../src/cli/generated-text.ts";
import { sqlHost } from "../src/cli/sql-host.ts";
import type { ExecPlan } from "../src/foundation/plan/exec-node.ts";
import { SqlEditorService } from "../src/language/sql/editor/editor-service.ts";
import { parseScript } from "../src/language/sql/parser/parser.ts";
import { SqlSession } from "../src/language/sql/script/sql-session.ts";
import { type BenchContext, finish, isTrusted, print } from "./context.ts";
import { cpuSecondsOfEndedChildren, watchOthers } from "./cpu.ts";
import { benchErrors } from "./errors.ts";
import { type Figure, type Repeats, summarise } from "./figures.ts";
import { machineLine } from "./machine.ts";
import { nexmarkScript } from "./nexmark/queries.ts";
import { decimals, formatTable } from "./table.ts";
import { TPCDS_QUERY, TPCDS_TABLES } from "./tpcds-query.ts";

const SCRIPT_LINES = 300;
const WARM_UPS = 30;
const MIN_RUNS = 30;
/** Processes for each first answer. */
const COLD_RUNS = 5;
/** Each of its tables is read once: sub-plans are shared. */
const TPCDS_SCANS = 13;
const COMPILED = ["q1", "q4", "q5", "q7", "q8", "q9", "q15", "q16", "q19", "q20"];

interface Timing extends Repeats {
  readonly name: string;
  readonly what: string;
  readonly limitMs: number;
}

export async function benchSql(context: BenchContext): Promise<void> {
  const others = watchOthers();
  const childrenBefore = cpuSecondsOfEndedChildren();
  const runs = Math.max(MIN_RUNS, context.repeat);
  const timings = [
    timeParse(runs),
    timePlan(runs),
    await timeCompile(runs),
    ...timeEditor(runs),
    ...timeColdEditor(),
  ];
  const othersCores = others(cpuSecondsOfEndedChildren() - childrenBefore);
  const rows = timings.map(({ what, median, spread, limitMs }) => [
    what,
    decimals(median, 2),
    String(limitMs),
    `${decimals(spread * 100, 0)} %`,
  ]);
  print(
    context,
    `SQL, warm, median of ${runs}; first answers: of ${COLD_RUNS} processes\n${machineLine(context.machine)}\n\n` +
      formatTable(["what", "ms", "at most", "spread"], rows),
  );
  const figures = timings.map(
    ({ name, median, spread, what }): Figure => ({
      name,
      value: median,
      unit: "ms",
      spread,
      detail: { what, runs },
      trusted: isTrusted(context, othersCores),
    }),
  );
  finish(context, figures);
}

function measured(runs: number, action: () => void): Repeats {
  for (let i = 0; i < WARM_UPS; i++) action();
  return summarise(
    Array.from({ length: runs }, () => {
      const startedMs = performance.now();
      action();
      return performance.now() - startedMs;
    }),
  );
}

function timeParse(runs: number): Timing {
  const text = longScript();
  const { statements, errors } = parseScript(text);
  if (errors.length > 0 || statements.length === 0)
    throw benchErrors.WRONG_RESULT({ what: `the script: ${errors[0]?.message ?? "empty"}` });
  const what = `parse ${SCRIPT_LINES} lines, ${text.length} characters, ${statements.length} statements`;
  return { name: "sql-parse", what, limitMs: 3, ...measured(runs, () => parseScript(text)) };
}

/** Nexmark's tables and queries, one after the other, cut behind a statement at about SCRIPT_LINES lines. */
function longScript(): string {
  const lines: string[] = [];
  for (let i = 0; lines.length < SCRIPT_LINES; i++) {
    const query = COMPILED[i % COMPILED.length]!;
    for (const line of script(query).split("\n")) if (line.trim() !== "") lines.push(line);
  }
  const text = lines.slice(0, SCRIPT_LINES).join("\n");
  return text.slice(0, text.lastIndexOf(";") + 1);
}

function script(query: string): string {
  return nexmarkScript({
    query,
    input: { kind: "generator", events: 1000, rate: 1000 },
    sink: { kind: "blackhole" },
  });
}

function timePlan(runs: number): Timing {
  const session = new SqlSession({
    host: sqlHost(),
    config: { "execution.runtime-mode": "batch" },
  });
  session.executeScript(TPCDS_TABLES);
  let plan: ExecPlan | undefined;
  const timing = measured(runs, () => {
    const result = session.execute(TPCDS_QUERY);
    plan = result.kind === "query" ? result.plan : undefined;
  });
  const scans = plan?.nodes.filter(({ type }) => type === "TableSourceScan").length ?? 0;
  if (scans < TPCDS_SCANS) throw benchErrors.WRONG_RESULT({ what: `a plan of ${scans} scans` });
  const what = `plan a query of TPC-DS's largest shape (${plan!.nodes.length} nodes)`;
  return { name: "sql-plan", what, limitMs: 100, ...timing };
}

/** Emitting and compiling all modules of a query: the median of the queries' medians, and the slowest as a name. */
async function timeCompile(runs: number): Promise<Timing> {
  const { kernelsModule } = engineParts({});
  const each: { readonly query: string; readonly median: number }[] = [];
  for (const query of COMPILED) {
    const plan = planOf(query);
    const times: number[] = [];
    for (let i = 0; i < WARM_UPS + runs; i++) {
      let modules = 0;
      const runtime = { ...instantiateKernels(kernelsModule), onModule: () => modules++ };
      const tookMs = await openOperators(plan, runtime);
      if (modules === 0) throw benchErrors.WRONG_RESULT({ what: `${query} made no module` });
      if (i >= WARM_UPS) times.push(tookMs);
    }
    each.push({ query, median: summarise(times).median });
  }
  const slowest = each.reduce((a, b) => (a.median > b.median ? a : b));
  const what = `compile a Nexmark query, slowest of ${each.length}: ${slowest.query}`;
  return { name: "sql-compile", what, limitMs: 5, ...summarise([slowest.median]) };
}

/** One answer about the script of timeParse() after a key: each run has another text, and the cursor in its last query. */
function timeEditor(runs: number): Timing[] {
  const base = longScript();
  const editor = new SqlEditorService({ newSession: () => new SqlSession({ host: sqlHost() }) });
  const columnAt = base.lastIndexOf("`dateTime`") + 3;
  let key = 0;
  const time = (name: string, what: string, ask: (text: string) => unknown): Timing => {
    if (ask(base) === undefined) throw benchErrors.WRONG_RESULT({ what: `${name} has no answer` });
    const timing = measured(runs, () => ask(`${base}${" ".repeat(++key)}`));
    return { name: `sql-${name}`, what: `${what}, ${SCRIPT_LINES} lines`, limitMs: 10, ...timing };
  };
  return [
    time("complete", "complete a column", (text) =>
      editor.complete(text, columnAt).items.find(({ kind }) => kind === "column"),
    ),
    time("hover", "hover over a column", (text) => editor.hover(text, columnAt)),
    time("definition", "go to a column's definition", (text) => editor.definition(text, columnAt)),
    time("format", "format", (text) => editor.format(text).edits[0]),
  ];
}

/** The first answer of a process, behind the preparation that an editor's idle time is for. */
function timeColdEditor(): Timing[] {
  const text = longScript();
  const at = String(text.lastIndexOf("`dateTime`") + 3);
  const child = new URL("editor-cold.ts", import.meta.url).pathname;
  return ["complete", "hover", "definition", "format"].map((name) => {
    const times = Array.from({ length: COLD_RUNS }, () => {
      const { status, stdout } = spawnSync(process.execPath, [child, name, at, "1"], {
        input: text,
        encoding: "utf8",
      });
      if (status !== 0) throw benchErrors.WRONG_RESULT({ what: `the first ${name} has no answer` });
      return (JSON.parse(stdout) as { readonly answerMs: number }).answerMs;
    });
    const what = `first answer of a process: ${name}, ${SCRIPT_LINES} lines`;
    return { name: `sql-first-${name}`, what, limitMs: 10, ...summarise(times) };
  });
}

function planOf(query: string): ExecPlan {
  const session = new SqlSession({ host: sqlHost() });
  const result = session.executeScript(script(query)).at(-1)!;
  if (result.kind === "insert") return result.plan;
  throw benchErrors.WRONG_RESULT({ what: `${query} is no INSERT` });
}
