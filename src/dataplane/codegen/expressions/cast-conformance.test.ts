/** Every CAST of one field in the conformance data that Flink 2.3.0 answered, by types that this room casts itself. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";
import { type LogicalType, MAX_LENGTH } from "../../../foundation/columnar/logical-type.ts";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { call, input } from "../../../foundation/plan/expression.ts";
import { compileCalc } from "../calc.ts";
import { readRows, type TestValue, testEnvironment, writeBatch } from "../test-batches.ts";
import { testRuntime } from "../test-runtime.test.ts";
import { unscaledDecimal } from "./literal.ts";

interface Case {
  readonly sql: string;
  readonly fields: readonly { readonly type: string | null; readonly value: unknown }[];
  readonly expected?: unknown;
  readonly expectError?: { readonly phase: string };
  readonly flink23: unknown;
}

const shared =
  process.env.MILLRACE_SHARED ?? fileURLToPath(new URL("../../../../../shared", import.meta.url));
const file = join(shared, "conformance", "scalar.jsonl");

function parseType(text: string): LogicalType | undefined {
  const match = /^([A-Z_]+)(?:\((\d+)(?:, (\d+))?\))?((?: [A-Z_]+)*)$/.exec(
    text.replace(/ NOT NULL$/, ""),
  );
  if (match === null) return undefined;
  const [, name = "", first, second, rest = ""] = match;
  const nullable = true;
  const length = first === undefined ? 1 : Number(first);
  switch (name) {
    case "INT":
      return { kind: "INTEGER", nullable };
    case "BOOLEAN":
    case "TINYINT":
    case "SMALLINT":
    case "BIGINT":
    case "FLOAT":
    case "DOUBLE":
    case "DATE":
      return { kind: name, nullable };
    case "DECIMAL":
      return {
        kind: "DECIMAL",
        precision: Number(first ?? 10),
        scale: Number(second ?? 0),
        nullable,
      };
    case "STRING":
      return { kind: "VARCHAR", length: MAX_LENGTH, nullable };
    case "BYTES":
      return { kind: "VARBINARY", length: MAX_LENGTH, nullable };
    case "CHAR":
    case "VARCHAR":
    case "BINARY":
    case "VARBINARY":
      return { kind: name, length, nullable };
    case "TIME":
      return { kind: "TIME", precision: Number(first ?? 0), nullable };
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return { kind: name, precision: Number(first ?? 6), nullable };
    case "INTERVAL": {
      const kind = /YEAR|MONTH/.test(rest) ? "INTERVAL_YEAR_MONTH" : "INTERVAL_DAY_TIME";
      return { kind, qualifier: text, nullable };
    }
    default:
      return undefined;
  }
}

/** The value of the data as test-batches.ts wants it; `zoneMs`: what local times of TIMESTAMP_LTZ are ahead of UTC. */
function parseValue(type: LogicalType, value: unknown, zoneMs: number): TestValue | undefined {
  if (value === null) return null;
  const text =
    typeof value === "object" ? String(Object.values(value as object)[0]) : String(value);
  switch (type.kind) {
    case "BOOLEAN":
      return value === true;
    case "TINYINT":
      return (Number(text) << 24) >> 24;
    case "SMALLINT":
      return (Number(text) << 16) >> 16;
    case "INTEGER":
      return Number(text);
    case "FLOAT":
      return Math.fround(Number(text));
    case "DOUBLE":
      return Number(text);
    case "BIGINT":
      return BigInt(text);
    case "DECIMAL": {
      const [digits = "", exponent = "0"] = text.split("E");
      return unscaledDecimal(`${digits}e${exponent}`, type.scale);
    }
    case "CHAR":
      return text.padEnd(type.length).slice(0, type.length);
    case "VARCHAR":
      return text;
    case "BINARY":
      return Uint8Array.from({ ...Buffer.from(text, "hex"), length: type.length }, (x) => x ?? 0);
    case "VARBINARY":
      return new Uint8Array(Buffer.from(text, "hex"));
    case "DATE":
      return Date.parse(`${text}T00:00Z`) / 86_400_000;
    case "TIME":
      return truncate(Date.parse(`1970-01-01T${text}Z`), type.precision);
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return parseMoment(
        text,
        type.precision,
        type.kind === "TIMESTAMP_LTZ" && !text.endsWith("Z") ? zoneMs : 0,
      );
    case "INTERVAL_DAY_TIME":
      return /^\d+$/.test(text) ? BigInt(text) : text === "PT36H" ? 129_600_000n : undefined;
    default:
      return /^-?\d+$/.test(text) ? BigInt(text) : { P0D: 0n, P11M: 11n, P84M: 84n }[text];
  }
}

function truncate(millis: number, precision: number): number {
  const unit = precision >= 3 ? 1 : 10 ** (3 - precision);
  return Math.floor(millis / unit) * unit;
}

function parseMoment(text: string, precision: number, aheadMs: number): TestValue | undefined {
  if (!/^\d{4}-/.test(text)) return undefined;
  const [, seconds = "", fraction = ""] =
    /^([^.]*)(?:\.(\d+))?Z?$/.exec(text.replace(/Z$/, "")) ?? [];
  const nanos = Number(fraction.padEnd(9, "0").slice(0, precision).padEnd(9, "0"));
  const millis = BigInt(Date.parse(`${seconds}Z`) + Math.floor(nanos / 1e6) - aheadMs);
  return precision <= 3 ? millis : [millis, BigInt(nanos % 1e6)];
}

/** The value, or the code of the error. */
function outcome(run: () => TestValue): TestValue {
  try {
    return run();
  } catch (error) {
    if (error instanceof MillraceError) return error.code;
    throw error;
  }
}

test("casts answer as Flink 2.3.0", { skip: !existsSync(file) }, () => {
  const runtime = testRuntime();
  const zoneMs = 8 * 3_600_000;
  let compared = 0;
  const failures: unknown[] = [];
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const record = JSON.parse(line) as Case;
    const match = /^(TRY_)?CAST\(f(\d) AS (.*)\)$/.exec(record.sql);
    if (match === null || record.flink23 !== "same") continue;
    if (record.expectError?.phase === "validation") continue;
    const field = record.fields[Number(match[2])];
    const [from, to] = [field?.type, match[3]].map((type) => parseType(type ?? ""));
    if (field === undefined || from === undefined || to === undefined) continue;
    const value = parseValue(from, field.value, zoneMs);
    if (value === undefined) continue;
    const schema = { fields: [{ name: "f0", type: from }] };
    const output = { fields: [{ name: "r", type: to }] };
    const projection = [call(`${match[1] ?? ""}CAST`, [input(0, from)], to)];
    const run = () => {
      const environment = { ...testEnvironment, timeZone: "Asia/Shanghai" };
      const calc = compileCalc(
        { input: schema, projection, output },
        { runtime, environment, operator: "test" },
      );
      return readRows(
        runtime,
        output,
        calc.process(writeBatch(runtime, schema, [[value]])),
      )[0]![0]!;
    };
    const name = `${field.type} ${JSON.stringify(field.value)} → ${match[3]}`;
    compared++;
    const expected =
      record.expectError === undefined ? parseValue(to, record.expected, 0) : "MR4102";
    if (expected === undefined) continue;
    const actual = outcome(run);
    if (!isDeepStrictEqual(actual, expected)) failures.push([name, actual, expected]);
  }
  assert.deepEqual(failures, []);
  assert.ok(compared > 150, `${compared} casts compared`);
});
