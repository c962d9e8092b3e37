/** A record of programs.jsonl, and its tables and sinks as statements. */
import type { Engine } from "../engine.ts";
import type { TypedJson } from "../typed-json.ts";

export interface ProgramRow {
  readonly kind?: string;
  readonly row?: readonly TypedJson[];
  readonly text: string;
}

interface DeclaredMode {
  readonly kinds: readonly string[];
  readonly keyOnlyDeletes: boolean;
}

interface ProgramTableBase {
  readonly name: string;
  readonly schema: readonly string[];
  readonly options?: Readonly<Record<string, string>>;
  readonly partitionKeys?: readonly string[];
  readonly distribution?: string;
  readonly changelogMode?: DeclaredMode | null;
}

export interface ProgramTable extends ProgramTableBase {
  readonly rows: readonly ProgramRow[] | null;
  readonly rowsAfterRestore: readonly ProgramRow[] | null;
}

export interface ProgramSink extends ProgramTableBase {
  readonly compare?: string;
  readonly expected: readonly ProgramRow[] | null;
  readonly expectedAfterRestore: readonly ProgramRow[] | null;
  readonly expectedMaterialized?: readonly ProgramRow[] | null;
  readonly deduplicatedFieldIndices?: readonly number[] | null;
}

export interface ProgramStep {
  readonly sql?: string;
  readonly statementSet?: readonly string[];
  readonly expectError?: { readonly class?: string; readonly message?: string };
}

interface ModelRow {
  readonly row: readonly unknown[];
}

export interface ProgramRecord {
  readonly id: string;
  readonly class: string;
  readonly config: Readonly<Record<string, string>>;
  readonly setup: readonly {
    readonly sql?: string;
    readonly function?: string;
    readonly class?: string;
    readonly model?: string;
    readonly input?: readonly string[];
    readonly output?: readonly string[];
    /** Each input with what the model gives for it. */
    readonly data?: readonly (readonly [ModelRow, readonly ModelRow[]])[];
  }[];
  readonly tables: readonly ProgramTable[];
  readonly sinks: readonly ProgramSink[];
  readonly run: readonly ProgramStep[];
  readonly runner: readonly { readonly kind: string; readonly afterRestore?: string }[];
  readonly grade: string;
  readonly watermarks?: string;
}

export function configOf(record: ProgramRecord): Record<string, string> {
  const ignore = /FromChangelog|ToChangelog|ProcessTableFunction/.test(record.class);
  return {
    "table.optimizer.non-deterministic-update.strategy": ignore ? "IGNORE" : "TRY_RESOLVE",
    ...(record.runner.some(({ kind }) => kind === "semantic") &&
    record.class.startsWith("MultiJoin")
      ? { "table.optimizer.multi-join.enabled": "true" }
      : {}),
    ...record.config,
  };
}

export function declareProgram(engine: Engine, record: ProgramRecord, batch: boolean): void {
  for (const { function: name, class: className } of record.setup)
    if (name !== undefined && className !== undefined)
      engine.execute(`CREATE TEMPORARY SYSTEM FUNCTION ${name} AS '${className}'`);
  for (const setup of record.setup)
    if (setup.model !== undefined) engine.execute(createModel(setup));
  for (const { sql } of record.setup)
    if (sql !== undefined && !usesTables(sql, record)) engine.execute(sql);
  for (const table of record.tables)
    engine.execute(
      createTable(withWatermarks(table, record), {
        bounded: String(batch),
        ...(batch ? {} : { terminating: "true" }),
        "disable-lookup": "true",
        ...modeOptions(table, "changelog-mode", "source.produces-delete-by-key"),
        ...table.options,
      }),
    );
  for (const sink of record.sinks)
    engine.execute(
      createTable(sink, {
        "disable-lookup": "true",
        "sink-insert-only": "false",
        ...modeOptions(sink, "sink-changelog-mode-enforced", "sink.supports-delete-by-key"),
        ...sink.options,
      }),
    );
  for (const { sql } of record.setup)
    if (sql !== undefined && usesTables(sql, record)) engine.execute(sql);
}

function createModel({ model, input, output, data = [] }: ProgramRecord["setup"][number]): string {
  const rows = data.map(([given, answers]) => [given.row, answers.map(({ row }) => row)]);
  const text = JSON.stringify(rows).replaceAll("'", "''");
  const columns = (list: readonly string[] = []) => list.join(", ");
  return `CREATE MODEL ${model} INPUT (${columns(input)}) OUTPUT (${columns(output)})
    WITH ('provider' = 'values', 'data' = '${text}')`;
}

/** Views come after the tables that they read. */
function usesTables(sql: string, { tables }: ProgramRecord): boolean {
  return /\bVIEW\b/i.test(sql) || tables.some(({ name }) => sql.includes(name));
}

/** `watermarks: "end"`: there is none before the input has ended. */
function withWatermarks(table: ProgramTable, { watermarks }: ProgramRecord): ProgramTable {
  if (watermarks !== "end") return table;
  const schema = table.schema.map((part) =>
    part.replace(/^WATERMARK FOR (\S+) AS .*$/i, "WATERMARK FOR $1 AS NULLIF($1, $1)"),
  );
  return { ...table, schema };
}

function createTable(table: ProgramTableBase, options: Record<string, string>): string {
  const all = { connector: "values", ...options };
  const written = Object.entries(all).map(([key, value]) => `'${key}' = '${value}'`);
  const keys = table.partitionKeys ?? [];
  const partitioned = keys.length === 0 ? "" : `PARTITIONED BY (${keys.join(", ")})`;
  const columns = table.schema.join(",\n  ");
  const distribution = table.distribution ?? "";
  return `CREATE TABLE ${table.name} (\n  ${columns}\n) ${distribution} ${partitioned} WITH (${written.join(", ")})`;
}

function modeOptions(
  { changelogMode }: ProgramTableBase,
  kindsKey: string,
  deleteKey: string,
): Record<string, string> {
  if (changelogMode === undefined || changelogMode === null) return {};
  return {
    [kindsKey]: changelogMode.kinds.join(","),
    [deleteKey]: String(changelogMode.keyOnlyDeletes),
  };
}
