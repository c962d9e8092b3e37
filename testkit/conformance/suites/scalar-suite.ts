/**
 * scalar.jsonl: `SELECT <sql> FROM T(f0, …)` over one row: its value, its type, or its error.
 *
 * Rules:   where Flink 2.3 and the record differ, either answer is right (README). A value of `expected` is compared as Java
 *          prints it, one of `expectedString` as CAST(… AS STRING) gives it. Types count with their nullability.
 */
import { typeEquals, typeToString } from "../../../src/foundation/columnar/logical-type.ts";
import { zoneOffsetMs } from "../../../src/foundation/columnar/value-text.ts";
import { Engine, parseType, type QueryAnswer } from "../engine.ts";
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
import { expectedText, javaText, sqlText } from "../value-compare.ts";

interface Field {
  readonly name: string;
  readonly value: TypedJson;
  readonly type: string | null;
}

interface Answer {
  readonly status?: string;
  readonly value?: TypedJson;
  readonly type?: string;
  readonly message?: string;
  readonly why?: string;
}

interface ScalarRecord {
  readonly sql: string;
  readonly source: string;
  readonly fields?: readonly Field[];
  readonly expected?: TypedJson;
  readonly expectedString?: string;
  readonly expectedRow?: readonly TypedJson[];
  readonly types?: readonly string[];
  readonly type?: string;
  readonly typeOnly?: boolean;
  readonly expectError?: {
    readonly phase?: string;
    readonly message?: string;
    readonly exception?: string;
  };
  readonly configScala?: readonly string[];
  readonly flink23: "same" | Answer;
}

export const scalarSuite: Suite = {
  file: "scalar.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<ScalarRecord>(text).map((record): ConformanceCase => {
      const place = record.source.split("/").at(-1) ?? "";
      const notRun = reasonNotToRun(record);
      return {
        id: idOf(place),
        text: record.sql,
        ...(notRun === undefined ? {} : { notRun }),
        run: () => check(record),
      };
    });
  },
};

function reasonNotToRun({ flink23 }: ScalarRecord): string | undefined {
  if (flink23 === "same" || flink23.status !== "not-run") return undefined;
  return flink23.why ?? "not run on Flink";
}

function zoneOf({ source, configScala = [] }: ScalarRecord): string {
  for (const setting of configScala) {
    const zone = /ZoneId\.of\("([^"]+)"\)/.exec(setting);
    if (zone !== null) return zone[1]!;
  }
  return source.includes("CastFunctionITCase") ? "Asia/Shanghai" : "UTC";
}

async function check(record: ScalarRecord): Promise<Outcome> {
  const zone = zoneOf(record);
  const legacy = record.source.includes("CastFunctionMiscLegacyITCase");
  const engine = new Engine({
    config: {
      "table.local-time-zone": zone,
      ...(legacy ? { "table.exec.legacy-cast-behaviour": "enabled" } : {}),
    },
  });
  let phase = "validation";
  let answer: QueryAnswer;
  try {
    const result = engine.execute(`SELECT ${record.sql} ${fromClause(engine, record, zone)}`);
    phase = "runtime";
    answer = await engine.run(result);
  } catch (error) {
    return judgeError(record, phase, error);
  }
  return judgeAnswer(record, answer, zone);
}

/** Declares T with its one row; some records call it testTable. */
function fromClause(engine: Engine, { fields = [], sql }: ScalarRecord, zone: string): string {
  if (fields.length === 0) return "";
  const table = sql.includes("testTable") ? "testTable" : "T";
  const columns = fields.map(({ name, type, value }) => `\`${name}\` ${columnType(type, value)}`);
  engine.execute(
    `CREATE TABLE ${table} (${columns.join(", ")}) WITH ('connector' = 'values', 'bounded' = 'true')`,
  );
  engine.store.register(table, [{ row: fields.map((field) => inputValue(field, zone)) }]);
  return `FROM ${table}`;
}

/** A wall clock for a TIMESTAMP_LTZ column is one of the session's zone; CHAR and BINARY are as long as they say. */
function inputValue({ value, type }: Field, zone: string): TypedJson {
  const length = Number(/^(?:CHAR|BINARY)\((\d+)\)/.exec(type ?? "")?.[1] ?? 0);
  if (length > 0 && typeof value === "string") return value.padEnd(length);
  if (length > 0 && typeof value === "object" && value !== null)
    return { $bytes: String(Object.values(value)[0]).padEnd(2 * length, "0") };
  const local =
    type?.startsWith("TIMESTAMP_LTZ") && typeof value === "object" && value !== null
      ? (value as { readonly $timestamp?: string }).$timestamp
      : undefined;
  if (local === undefined || zone === "UTC") return value;
  const [date = "", fraction = ""] = local.split(".");
  const millis = Date.parse(`${date}Z`);
  const utc = new Date(millis - zoneOffsetMs(millis, zone)).toISOString().slice(0, 19);
  return { $timestamp_ltz: `${utc}.${fraction || "0"}Z` };
}

function columnType(type: string | null, value: TypedJson): string {
  if (type !== null) return type.replace(/INTERVAL\(DataTypes\.(\w+)\)/, "INTERVAL $1");
  if (typeof value === "number") return "INT NOT NULL";
  if (typeof value === "boolean") return "BOOLEAN NOT NULL";
  return `CHAR(${Math.max(1, String(value).length)}) NOT NULL`;
}

function judgeError(record: ScalarRecord, phase: string, error: unknown): Outcome {
  const { expectError, flink23 } = record;
  const got = `${phase}: ${errorText(error)}`;
  // 2.3 refuses what later versions answer: how it words that is not asked for.
  if (flink23 !== "same" && flink23.status === "error" && expectError === undefined)
    if (phase === phaseOf(flink23.message)) return passed;
  if (flink23 !== "same" && (flink23.message !== undefined || flink23.status === "error"))
    if (expectError === undefined || got.includes(firstLine(flink23.message ?? ""))) return passed;
  if (expectError === undefined)
    return failed(JSON.stringify(record.expected ?? record.expectedString ?? null), got);
  const wanted = `${expectError.phase ?? "any"} error ${expectError.message ?? ""}`;
  if (expectError.phase !== undefined && expectError.phase !== phase) return failed(wanted, got);
  const { message } = expectError;
  const found = message === undefined || flat(got).includes(flat(withoutWrapper(message)));
  return found ? passed : failed(wanted, got);
}

const phaseOf = (message = "") =>
  message.startsWith("ValidationException") ? "validation" : "runtime";

/** What Flink's planner puts around the message of its validator. */
function withoutWrapper(message: string): string {
  return message.replace(/^SQL validation failed\. /, "");
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** `ValidationException: The cast …` → `The cast …` */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/^[\w.]*Exception: /, "");
}

function judgeAnswer(record: ScalarRecord, answer: QueryAnswer, zone: string): Outcome {
  const { flink23 } = record;
  const first = judgeRecord(record, answer, zone);
  if (first.passed || flink23 === "same" || flink23.value === undefined) return first;
  const { type } = flink23;
  const second = judgeValue(flink23.value, type, answer, 0, zone);
  return second.passed ? second : first;
}

function judgeRecord(record: ScalarRecord, answer: QueryAnswer, zone: string): Outcome {
  if (record.expectError !== undefined)
    return failed(`error ${record.expectError.message ?? ""}`, textOf(answer));
  if (record.expectedRow !== undefined) {
    for (const [i, expected] of record.expectedRow.entries()) {
      const outcome = judgeValue(expected, record.types?.[i], answer, i, zone);
      if (!outcome.passed) return outcome;
    }
    return passed;
  }
  if (record.typeOnly === true) return judgeType(record.type, answer, 0) ?? passed;
  if (record.expectedString !== undefined) {
    const value = answer.rows[0]?.values[0] ?? null;
    const got =
      value instanceof Uint8Array && answer.schema.fields[0]!.type.kind.endsWith("BINARY")
        ? new TextDecoder().decode(value)
        : sqlText(value, answer.schema.fields[0]!.type, zone);
    const wanted = withoutCode(record.expectedString);
    return got === wanted ? passed : failed(String(wanted), got);
  }
  return judgeValue(record.expected ?? null, record.type, answer, 0, zone);
}

function judgeType(
  wanted: string | null | undefined,
  { schema }: QueryAnswer,
  column: number,
): Outcome | undefined {
  const got = schema.fields[column]!.type;
  if (wanted === undefined || wanted === null || typeToString(got) === wanted) return undefined;
  // Names of classes stand without quotes in some records.
  if (typeToString(got).replaceAll("'", "") === wanted) return undefined;
  const same = typeEquals(parseType(wanted), got);
  return same ? undefined : failed(`type ${wanted}`, `type ${typeToString(got)}`);
}

function judgeValue(
  expected: TypedJson,
  type: string | undefined,
  answer: QueryAnswer,
  column: number,
  zone: string,
): Outcome {
  const wrongType = judgeType(type, answer, column);
  if (wrongType !== undefined) return wrongType;
  const own = answer.schema.fields[column]!.type;
  if (answer.rows.length !== 1) return failed("one row", textOf(answer));
  const value = answer.rows[0]!.values[column] ?? null;
  const wanted = expectedText(withoutCode(expected), own);
  const got = javaText(value, own);
  if (got === wanted || sqlText(value, own, zone) === String(expected)) return passed;
  return failed(wanted, got);
}

/** `LocalDateTime.of(2021, 9, 24, 10, 0, 0, 0).format(TIMESTAMP_FORMATTER)` as the text that it gives. */
function withoutCode(given: TypedJson): TypedJson {
  const isCode = typeof given === "object" && given !== null && "$java" in given;
  const json = isCode ? (given as { readonly $java: TypedJson }).$java : given;
  if (typeof json !== "string" || !json.includes("TIMESTAMP_FORMATTER")) return json;
  const numbers = [...json.replaceAll("_", "").matchAll(/\d+/g)].map(([digits]) => Number(digits));
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, nanos = 0] = numbers;
  const millis = Date.UTC(year, month - 1, day, hour, minute, second, nanos / 1_000_000);
  return new Date(millis).toISOString().replace("T", " ").replace("Z", "");
}

function textOf({ rows }: QueryAnswer): string {
  return rows.map((row) => row.text).join(" ");
}
