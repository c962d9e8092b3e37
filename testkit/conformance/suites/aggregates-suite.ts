/** aggregates.jsonl: an aggregate over a changelog: the final rows and the type of the result, or the error. */
import type { RowType } from "../../../src/foundation/columnar/logical-type.ts";
import { typeEquals, typeToString } from "../../../src/foundation/columnar/logical-type.ts";
import { Engine, parseType, type QueryAnswer } from "../engine.ts";
import { expectedRowText, retracted, rowText, sameRows } from "../row-compare.ts";
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
import type { TypedJson } from "../typed-json.ts";

interface Change {
  readonly kind: string;
  readonly row: readonly TypedJson[];
}

interface AggregateRecord {
  readonly description: string;
  readonly source: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly table: {
    readonly name: string;
    readonly rowType: string;
    readonly rows: readonly Change[];
    readonly watermark?: readonly [string, string];
  };
  readonly sql: string;
  readonly type?: string;
  readonly expected?: readonly Change[];
  readonly expectError?: { readonly phase?: string; readonly message?: string };
  readonly opaque?: unknown;
  /** `value`: the rows of a real Flink 2.3 as texts, where they differ from the expectation; then either is right. */
  readonly flink23: "same" | { readonly value?: readonly (readonly TypedJson[])[] };
}

const KINDS: Readonly<Record<string, string>> = {
  INSERT: "+I",
  UPDATE_BEFORE: "-U",
  UPDATE_AFTER: "+U",
  DELETE: "-D",
};

export const aggregatesSuite: Suite = {
  file: "aggregates.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<AggregateRecord>(text).map(
      (record): ConformanceCase => ({
        id: idOf(record.source.split("/").at(-1) ?? ""),
        text: record.sql,
        ...(record.opaque === undefined ? {} : { notRun: "opaque: code of Java in the record" }),
        run: () => check(record),
      }),
    );
  },
};

async function check(record: AggregateRecord): Promise<Outcome> {
  const engine = new Engine({ config: record.config ?? {} });
  let phase = "validation";
  let answer: QueryAnswer;
  try {
    declare(engine, record);
    const result = engine.execute(record.sql);
    phase = "runtime";
    answer = await engine.run(result);
  } catch (error) {
    return judgeError(record, phase, error);
  }
  if (record.expectError !== undefined)
    return failed(`error ${record.expectError.message ?? ""}`, `${answer.rows.length} rows`);
  return judgeType(record, answer) ?? judgeEither(record, answer);
}

function declare(engine: Engine, { table }: AggregateRecord): void {
  const type = parseType(table.rowType) as RowType;
  const columns = type.fields.map((field) => `\`${field.name}\` ${typeToString(field.type)}`);
  if (table.watermark !== undefined)
    columns.push(`WATERMARK FOR ${table.watermark[0]} AS ${table.watermark[1]}`);
  const changes = table.rows.some(({ kind }) => kind !== "INSERT");
  const mode = changes ? "'changelog-mode' = 'I,UB,UA,D'" : "'changelog-mode' = 'I'";
  const options = `'connector' = 'values', 'bounded' = 'false', ${mode}`;
  engine.execute(`CREATE TABLE \`${table.name}\` (${columns.join(", ")}) WITH (${options})`);
  const events = table.rows.map(({ kind, row }) => ({ kind: KINDS[kind] ?? "+I", row }));
  engine.store.register(table.name, events, { rowByRow: true });
}

function judgeError({ expectError, expected }: AggregateRecord, phase: string, error: unknown) {
  const got = `${phase}: ${errorText(error)}`;
  if (expectError === undefined) return failed(`${expected?.length} rows`, got);
  const flat = (text: string) => text.replaceAll(/\s+/g, " ").trim();
  const wanted = `${expectError.phase ?? "any"} error ${expectError.message ?? ""}`;
  const right =
    (expectError.phase === undefined || expectError.phase === phase) &&
    flat(got).includes(flat(expectError.message ?? ""));
  return right ? passed : failed(wanted, got);
}

function judgeType({ type }: AggregateRecord, { schema }: QueryAnswer): Outcome | undefined {
  if (type === undefined) return undefined;
  const wanted = parseType(type) as RowType;
  for (const [i, field] of wanted.fields.entries()) {
    const got = schema.fields[i]?.type;
    if (got === undefined || !typeEquals(field.type, got))
      return failed(`type ${typeToString(field.type)}`, got === undefined ? "" : typeToString(got));
  }
  return undefined;
}

function judgeEither(record: AggregateRecord, answer: QueryAnswer): Outcome {
  const first = judgeRows(record, answer);
  const { flink23 } = record;
  if (first.passed || flink23 === "same" || flink23.value === undefined) return first;
  const wanted = flink23.value.map((row) => row.map((field) => String(field)).join(","));
  const got = retracted(answer.rows).map(({ fields }) => fields.join(","));
  return sameRows(wanted, got).passed ? passed : first;
}

function judgeRows({ expected = [] }: AggregateRecord, { rows, schema }: QueryAnswer): Outcome {
  const wanted = expected.map(({ row }) => expectedRowText(row, schema, "plain"));
  return sameRows(
    wanted,
    retracted(rows).map((row) => rowText(row, "plain")),
  );
}
