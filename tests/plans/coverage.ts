/**
 * How much of the conformance data the planner plans: prints counts, and the commonest reasons of refusal.
 *
 * Use: node tests/plans/coverage.ts [nexmark | programs | itcases | scalar]… [--errors] [--all-nodes]
 * Data: $MILLRACE_SHARED, or the folder `shared` beside the checkout.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MillraceError } from "../../src/foundation/base/errors.ts";
import { typeToString } from "../../src/foundation/columnar/logical-type.ts";
import { parseScript } from "../../src/language/sql/parser/parser.ts";
import { SqlSession } from "../../src/language/sql/script/sql-session.ts";
import { queryRel } from "../../src/language/sql/script/statement-planner.ts";
import type { SqlHost } from "../../src/language/sql/script/session-types.ts";
import { parseStatement } from "../../src/language/sql/parser/parser.ts";

export const SHARED =
  process.env.MILLRACE_SHARED ?? join(import.meta.dirname, "..", "..", "..", "shared");

export function sharedExists(): boolean {
  return existsSync(join(SHARED, "conformance"));
}

/** All nodes that a plan may hold, whether or not there is an operator yet. */
const ALL_NODES: SqlHost = {
  operators: new Set([
    "OverAggregate",
    "IntervalJoin",
    "TemporalJoin",
    "LookupJoin",
    "Correlate",
    "WindowRank",
    "WindowDeduplicate",
    "TemporalSort",
  ]),
};
let host: SqlHost = {};

type Json = Readonly<Record<string, unknown>>;

export function records(file: string): Json[] {
  const text = readFileSync(join(SHARED, "conformance", file), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Json);
}

export interface Outcome {
  readonly id: string;
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
}

function attempt(id: string, run: () => void): Outcome {
  try {
    run();
    return { id, ok: true };
  } catch (error) {
    const code = error instanceof MillraceError ? error.code : "THROWN";
    const message = error instanceof Error ? error.message : String(error);
    const stack = code === "THROWN" || code.startsWith("MR99") ? (error as Error).stack : "";
    return { id, ok: false, code, message: `${message}${stack ? `\n${stack}` : ""}` };
  }
}

// ----------------------------------------------------------------------------------------------- nexmark

export function nexmarkSession(): SqlSession {
  const session = new SqlSession({
    host: {
      userFunction: (definition) =>
        definition.className.endsWith("CountChar")
          ? {
              name: "count_char",
              category: "scalar",
              forms: ["count_char(<STRING>, <STRING>)"],
              deterministic: true,
              bind: () => ({ type: { kind: "BIGINT", nullable: false } }),
            }
          : undefined,
    },
  });
  session.executeScript(nexmarkText("ddl_gen.sql"));
  session.executeScript(nexmarkText("ddl_views.sql"));
  return session;
}

export function nexmarkText(file: string): string {
  return readFileSync(join(SHARED, "bench", "nexmark-queries", file), "utf8")
    .replaceAll("${NEXMARK_TABLE}", "datagen")
    .replaceAll("A.dateTime", "A.`dateTime`");
}

export function nexmark(): Outcome[] {
  return Array.from({ length: 24 }, (_, i) =>
    attempt(`q${i}`, () => {
      const session = nexmarkSession();
      session.executeScript(nexmarkText(`q${i}.sql`));
    }),
  );
}

// ---------------------------------------------------------------------------------------------- programs

interface Table {
  readonly name: string;
  readonly schema: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly partitionKeys?: readonly string[];
  readonly distribution?: string;
  readonly changelogMode?: { readonly kinds: readonly string[] };
}

export function createTableText(table: Table, sink: boolean): string {
  const options: Record<string, string> = { connector: "values", ...table.options };
  if (table.changelogMode !== undefined) {
    const kinds = table.changelogMode.kinds.join(",");
    options[sink ? "sink-changelog-mode-enforced" : "changelog-mode"] = kinds;
  }
  const quoted = Object.entries(options).map(([k, v]) => `'${k}' = '${v.replaceAll("'", "''")}'`);
  const partitions =
    table.partitionKeys === undefined || table.partitionKeys.length === 0
      ? ""
      : ` PARTITIONED BY (${table.partitionKeys.join(", ")})`;
  const distribution = table.distribution === undefined ? "" : ` ${table.distribution}`;
  return `CREATE TABLE ${table.name} (${table.schema.join(", ")})${distribution}${partitions} WITH (${quoted.join(", ")})`;
}

export function programs(grade: string): Outcome[] {
  return records("programs.jsonl")
    .filter((program) => program.grade === grade)
    .map((program) =>
      attempt(`${program.class}/${program.id}`, () => {
        const expected = (program.run as Json[]).some((run) => "expectError" in run);
        // Constraints are enforced when rows come: such programs plan.
        const late = String(program.class).startsWith("ConstraintEnforcer");
        let failed: unknown;
        try {
          runProgram(program);
        } catch (error) {
          failed = error;
        }
        if (expected && !late && failed === undefined)
          throw new Error("expected an error, got a plan");
        if (!expected && failed !== undefined) throw failed;
      }),
    );
}

function runProgram(program: Json): void {
  const config = { ...(program.config as Record<string, string>) };
  const runners = program.runner as { kind: string }[];
  if (runners.length > 0 && runners.every((runner) => runner.kind.startsWith("batch")))
    config["execution.runtime-mode"] = "batch";
  const session = new SqlSession({ config, host });
  const setup = (program.setup as Json[]).flatMap((s) => (s.sql === undefined ? [] : [s.sql]));
  for (const table of program.tables as Table[]) session.execute(createTableText(table, false));
  for (const table of program.sinks as Table[]) session.execute(createTableText(table, true));
  for (const sql of setup) session.executeScript(String(sql));
  for (const run of program.run as Json[]) {
    if (run.sql !== undefined) session.executeScript(String(run.sql));
    if (run.statementSet !== undefined) {
      const inserts = (run.statementSet as string[]).join(";\n");
      session.executeScript(`EXECUTE STATEMENT SET BEGIN ${inserts}; END;`);
    }
  }
}

// ----------------------------------------------------------------------------------------------- itcases

export function itcases(): Outcome[] {
  return records("itcases.jsonl")
    .filter((r) => !r.opaque && r.needs === undefined && !r.ddlDataIncomplete)
    .map((record) => attempt(String(record.test), () => runCase(record)));
}

interface CaseTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly types: readonly string[];
}

function caseTable(table: CaseTable): string {
  const columns: string[] = [];
  let watermark = "";
  let physical = 0;
  for (const column of table.columns) {
    const [name, mark] = column.split(".") as [string, string | undefined];
    const quoted = `\`${name}\``;
    if (mark?.startsWith("proctime")) columns.push(`${quoted} AS PROCTIME()`);
    else if (mark?.startsWith("rowtime")) {
      columns.push(`${quoted} TIMESTAMP(3)`);
      watermark = `, WATERMARK FOR ${quoted} AS ${quoted}`;
    } else columns.push(`${quoted} ${table.types[physical++] ?? "STRING"}`);
  }
  return `CREATE TABLE \`${table.name}\` (${columns.join(", ")}${watermark}) WITH ('connector'='values','bounded'='true')`;
}

function runCase(record: Json): void {
  const config = { "execution.runtime-mode": record.mode === "batch" ? "batch" : "streaming" };
  const session = new SqlSession({ config, host });
  for (const table of record.tables as CaseTable[]) session.execute(caseTable(table));
  const sql = String(record.sql);
  const fails = record.expectError !== undefined;
  try {
    for (const ddl of (record.ddl as string[] | undefined) ?? [])
      if (!/^\s*insert\s/i.test(ddl)) session.executeScript(ddl);
    session.executeScript(sql);
  } catch (error) {
    if (fails) return;
    throw error;
  }
  if (fails) throw new Error(`expected an error: ${String(record.expectError)}`);
}

// ------------------------------------------------------------------------------------------------ scalar

export interface ScalarReport {
  readonly typed: number;
  readonly sameType: number;
  readonly valid: number;
  readonly accepted: number;
  readonly invalid: number;
  readonly refused: number;
  readonly problems: readonly string[];
}

export function scalar(): ScalarReport {
  const report = { typed: 0, sameType: 0, valid: 0, accepted: 0, invalid: 0, refused: 0 };
  const problems: string[] = [];
  for (const record of records("scalar.jsonl")) {
    if ((record.flink23 as Json | string) !== "same") continue;
    const { got, error } = typeOf(record);
    const failure = record.expectError as Json | undefined;
    if (failure?.phase === "validation") {
      report.invalid++;
      if (error !== undefined) report.refused++;
      else problems.push(`accepted | ${String(record.sql)} | ${got ?? ""}`);
      continue;
    }
    report.valid++;
    if (error === undefined) report.accepted++;
    else problems.push(`refused | ${String(record.sql)} | ${error.slice(0, 200)}`);
    if (typeof record.type !== "string" || error !== undefined) continue;
    report.typed++;
    if (got === normal(record.type)) report.sameType++;
    else problems.push(`type | ${String(record.sql)} | ${record.type} | ${got ?? ""}`);
  }
  return { ...report, problems };
}

function normal(type: string): string {
  try {
    const session = new SqlSession();
    session.execute(`CREATE TABLE t (a ${type}) WITH ('connector'='values')`);
    const table = session.context.catalog.lookup(["t"]);
    return table?.kind === "table" ? typeToString(table.columns[0]!.type) : type;
  } catch {
    return type;
  }
}

function typeOf(record: Json): { got?: string; error?: string } {
  const fields = (record.fields as { name: string; type: string | null }[] | undefined) ?? [];
  try {
    const session = new SqlSession();
    const columns = fields.map((f) => `\`${f.name}\` ${f.type ?? "STRING"}`);
    if (columns.length > 0)
      session.execute(`CREATE TABLE T (${columns.join(", ")}) WITH ('connector'='values')`);
    const text = `SELECT ${String(record.sql)}${columns.length > 0 ? " FROM T" : ""}`;
    const node = parseStatement(text);
    session.context.text = text;
    if (node.kind !== "queryStatement") return { error: "no query" };
    const rel = queryRel(session.context, node.query);
    session.execute(node, text);
    return { got: typeToString(rel.schema.fields[0]!.type) };
  } catch (error) {
    const code = error instanceof MillraceError ? error.code : "THROWN";
    return { error: `${code} ${error instanceof Error ? error.message : String(error)}` };
  }
}

// -------------------------------------------------------------------------------------------------- main

function print(name: string, outcomes: readonly Outcome[], errors: boolean): void {
  const ok = outcomes.filter((outcome) => outcome.ok).length;
  console.log(`${name}: ${ok} of ${outcomes.length} planned`);
  const reasons = new Map<string, string[]>();
  for (const { ok: fine, code, message, id } of outcomes) {
    if (fine) continue;
    const key = `${code} ${(message ?? "").split("\n")[0]!.slice(0, 110)}`;
    reasons.set(key, [...(reasons.get(key) ?? []), id]);
  }
  const sorted = [...reasons].sort((a, b) => b[1].length - a[1].length);
  for (const [reason, ids] of errors ? sorted : sorted.slice(0, 12))
    console.log(`  ${ids.length} × ${reason}   [${ids.slice(0, 3).join(", ")}]`);
}

function main(args: readonly string[]): void {
  const errors = args.includes("--errors");
  const parts = args.filter((arg) => !arg.startsWith("--"));
  if (args.includes("--all-nodes")) host = ALL_NODES;
  const wanted = (part: string) => parts.length === 0 || parts.includes(part);
  if (wanted("nexmark")) print("Nexmark", nexmark(), errors);
  if (wanted("programs")) print("programs, grade A", programs("A"), errors);
  if (wanted("itcases")) print("itcases", itcases(), errors);
  if (!wanted("scalar")) return;
  const { typed, sameType, valid, accepted, invalid, refused, problems } = scalar();
  console.log(`scalar: ${accepted} of ${valid} valid expressions accepted`);
  console.log(`scalar: ${sameType} of ${typed} result types as expected`);
  console.log(`scalar: ${refused} of ${invalid} invalid expressions refused`);
  if (errors) for (const problem of problems) console.log(`  ${problem.replaceAll("\n", " ")}`);
}

if (import.meta.main) main(process.argv.slice(2));
export { parseScript };
