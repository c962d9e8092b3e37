/**
 * Built-in scalar functions of arithmetic, strings, hashing, time: argument forms and result types.
 *
 * Source: Flink BuiltInFunctionDefinitions and FlinkSqlOperatorTable; checked against the types of scalar.jsonl.
 */
import {
  type LogicalType,
  typeToString,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { zoneOffsetMs } from "../../../foundation/columnar/value-text.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  asDecimal,
  boundedString,
  isApproximate,
  isDecimal,
  leastRestrictive,
} from "../validator/type-system.ts";
import {
  type FunctionDefinition,
  type ReturnRule,
  anyNullable,
  fn,
  ifArgs,
  notNull,
  nullableOf,
  sameAs,
} from "./function-definition.ts";

const STRING = ifArgs(types.string);
const NULL_STRING = nullableOf(types.string);
const INT = ifArgs(types.int);
const BIGINT = ifArgs(types.bigint);
const DOUBLE = ifArgs(types.double);
const BOOLEAN = ifArgs(types.boolean);
const NULL_BOOLEAN = nullableOf(types.boolean);

const varying: ReturnRule = (args) => {
  const type = args[0]!;
  if (type.kind === "CHAR" || type.kind === "VARCHAR")
    return boundedString(type.length, anyNullable(args));
  if (type.kind === "BINARY" || type.kind === "VARBINARY")
    return { kind: "VARBINARY", length: type.length, nullable: anyNullable(args) };
  return types.string(anyNullable(args));
};

const roundRule: ReturnRule = (args, values) => {
  const type = args[0]!;
  const nullable = anyNullable(args);
  if (!isDecimal(type)) return withNullable(type, nullable);
  const digits = values[1];
  if (digits !== undefined && digits.kind !== "literal") return withNullable(type, nullable);
  const to = digits === undefined ? 0 : Number(digits.value);
  if (to >= type.scale) return withNullable(type, nullable);
  if (to < 0) return types.decimal(Math.min(38, 1 + type.precision - type.scale), 0, nullable);
  return types.decimal(1 + type.precision - type.scale + to, to, nullable);
};

const floorRule: ReturnRule = (args) => {
  const type = args[0]!;
  if (isDecimal(type)) return types.decimal(type.precision, 0, type.nullable);
  return type;
};

const double = (names: string): FunctionDefinition[] =>
  names.split(" ").map((name) => fn(name, ["D"], DOUBLE));

const modRule: ReturnRule = (args) => {
  const [a, b] = args as [LogicalType, LogicalType];
  const nullable = anyNullable(args);
  if (isApproximate(a) || isApproximate(b)) return types.double(nullable);
  if (isDecimal(a) || isDecimal(b)) {
    const left = asDecimal(a);
    const right = asDecimal(b);
    if (left.scale === 0 && right.scale === 0) return withNullable(b, nullable);
    const scale = Math.max(left.scale, right.scale);
    const digits = Math.min(left.precision - left.scale, right.precision - right.scale);
    return types.decimal(Math.min(38, digits + scale), scale, nullable);
  }
  return withNullable(b, nullable);
};

const arithmetic: readonly FunctionDefinition[] = [
  ...double(
    "SQRT LN LOG10 LOG2 EXP SIN SINH COS TAN TANH COT ASIN ACOS ATAN COSH DEGREES RADIANS CBRT",
  ),
  fn("MOD", ["N N"], modRule),
  fn("POWER", ["D D"], DOUBLE),
  fn("ATAN2", ["D D"], DOUBLE),
  fn("LOG", ["D D?"], DOUBLE),
  fn("ABS", ["N", "IV"], sameAs(0)),
  fn("SIGN", ["N"], sameAs(0)),
  fn("CEIL", ["N"], floorRule),
  fn("FLOOR", ["N"], floorRule),
  fn("ROUND", ["N I?"], roundRule),
  fn("TRUNCATE", ["N I?"], roundRule),
  fn("PI", [""], notNull(types.double)),
  fn("E", [""], notNull(types.double)),
  fn("RAND", ["I?"], DOUBLE, { deterministic: false }),
  fn("RAND_INTEGER", ["I I?"], INT, { deterministic: false }),
  fn("UUID", [""], () => types.char(36, false), { deterministic: false }),
  fn("BIN", ["L"], STRING),
  fn("HEX", ["L", "S"], STRING),
  fn("UNHEX", ["S"], nullableOf(types.bytes)),
];

/** A literal below 0. */
const isNegative = (value: Expression | undefined): boolean =>
  value?.kind === "literal" && Number(value.value) < 0;

const text: readonly FunctionDefinition[] = [
  fn("CHAR_LENGTH", ["SL"], INT),
  fn("OCTET_LENGTH", ["SB"], INT),
  fn("UPPER", ["SL"], sameAs(0)),
  fn("LOWER", ["SL"], sameAs(0)),
  fn("INITCAP", ["SL"], sameAs(0)),
  fn("POSITION", ["SL SL I?"], INT),
  fn("PRINTF", ["S ANY*"], NULL_STRING),
  fn("TRIM", ["S S SL"], (args) => varying([withNullable(args[2]!, anyNullable(args))], [])),
  fn("LTRIM", ["SL SL?"], STRING),
  fn("RTRIM", ["SL SL?"], STRING),
  fn("BTRIM", ["S S?"], STRING),
  fn("REPEAT", ["SL I"], STRING),
  fn("REGEXP_REPLACE", ["SL SL SL"], NULL_STRING),
  fn("OVERLAY", ["SL SL I I?", "B B I I?"], STRING),
  fn("STARTSWITH", ["S S", "B B"], BOOLEAN),
  fn("ENDSWITH", ["S S", "B B"], BOOLEAN),
  fn("SUBSTRING", ["SL I I?", "B I I?"], substringRule),
  fn("SUBSTR", ["SL I I?"], substringRule),
  fn("REPLACE", ["SL SL SL"], STRING),
  fn("REGEXP_COUNT", ["S S"], nullableOf(types.int)),
  fn("REGEXP_EXTRACT", ["SL SL I?"], NULL_STRING),
  fn(
    "REGEXP_EXTRACT_ALL",
    ["S S I?"],
    nullableOf((n) => types.array(types.string(), n)),
  ),
  fn("REGEXP_INSTR", ["S S"], nullableOf(types.int)),
  fn("REGEXP_SUBSTR", ["S S"], NULL_STRING),
  fn("REGEXP", ["SL SL"], NULL_BOOLEAN),
  fn("TRANSLATE", ["S S S"], STRING),
  fn("CONCAT", ["SL SL*"], STRING),
  fn("CONCAT_WS", ["SL SL*"], (args) => types.string(args[0]!.nullable)),
  fn("LPAD", ["SL I SL"], NULL_STRING),
  fn("RPAD", ["SL I SL"], NULL_STRING),
  fn("FROM_BASE64", ["SL", "B"], NULL_STRING),
  fn("TO_BASE64", ["SB"], STRING),
  fn("ASCII", ["SL"], INT),
  fn("CHR", ["L"], STRING),
  fn("DECODE", ["B S"], STRING),
  fn("ENCODE", ["S S"], ifArgs(types.bytes)),
  fn("INSTR", ["SL SL I? I?"], INT),
  fn("LEFT", ["SL I"], STRING),
  fn("RIGHT", ["SL I"], STRING),
  fn("LOCATE", ["SL SL I?"], INT),
  fn("URL_DECODE", ["S"], NULL_STRING),
  fn("URL_DECODE_RECURSIVE", ["S I?"], NULL_STRING),
  fn("URL_ENCODE", ["S"], NULL_STRING),
  fn("INET_ATON", ["S"], nullableOf(types.bigint)),
  fn("INET_NTOA", ["L"], NULL_STRING),
  fn("PARSE_URL", ["SL SL SL?"], NULL_STRING),
  fn("REVERSE", ["SL"], STRING),
  fn("SPLIT_INDEX", ["SL I I", "SL SL I"], NULL_STRING),
  fn(
    "STR_TO_MAP",
    ["SL", "SL SL SL"],
    ifArgs((n) => types.map(types.string(), types.string(), n)),
  ),
  fn("JSON_QUOTE", ["S"], STRING),
  fn("JSON_UNQUOTE", ["S"], STRING),
  fn(
    "ELT",
    ["INT S S*", "INT B B*"],
    (args, values) => {
      if (isNegative(values[0])) return undefined;
      const type = leastRestrictive(args.slice(1));
      return type && withNullable(type, true);
    },
    {
      explain: ([index]) =>
        isNegative(index) && index?.kind === "literal"
          ? `Index must be an integer starting from '0', but was '${String(index.value)}'.`
          : undefined,
    },
  ),
  fn("IS_ALPHA", ["SL"], notNull(types.boolean)),
  fn("IS_DECIMAL", ["SL"], notNull(types.boolean)),
  fn("IS_DIGIT", ["SL"], notNull(types.boolean)),
  fn("KEYVALUE", ["SL SL SL SL"], NULL_STRING),
  fn("HASH_CODE", ["SL"], INT),
  ...["MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"].map((name) => {
    const length = { MD5: 32, SHA1: 40, SHA224: 56, SHA256: 64, SHA384: 96, SHA512: 128 }[name];
    return fn(name, ["SL", "B"], (args) => types.char(length ?? 32, anyNullable(args)));
  }),
  fn(
    "SHA2",
    ["SL I", "B I"],
    ifArgs((n) => types.varchar(128, n)),
  ),
  fn("IS_VALID_UTF8", ["B"], BOOLEAN),
  fn("MAKE_VALID_UTF8", ["B"], STRING),
];

function substringRule(args: readonly LogicalType[]): LogicalType | undefined {
  return varying([withNullable(args[0]!, anyNullable(args))], []);
}

/** Units that DATE and TIME do not have are refused where Flink refuses them. */
const extractRule: ReturnRule = (args, values) => {
  const unit = values[0]?.kind === "literal" ? String(values[0].value) : "";
  const type = args[1]!;
  if (type.kind === "DATE" && ["NANOSECOND", "MICROSECOND"].includes(unit)) return undefined;
  return types.bigint(anyNullable(args));
};

const part = (names: string): FunctionDefinition[] =>
  names.split(" ").map((name) => fn(name, ["T", "IV"], BIGINT));

/** DATE + hours is a TIMESTAMP; finer units raise the precision. */
const timestampAddRule: ReturnRule = (args, values) => {
  const unit = values[0]?.kind === "literal" ? String(values[0].value) : "";
  const type = args[2]!;
  const nullable = anyNullable(args);
  const fraction =
    unit === "NANOSECOND" ? 9 : unit === "MICROSECOND" ? 6 : unit === "MILLISECOND" ? 3 : 0;
  if (type.kind === "DATE") {
    const whole = ["YEAR", "QUARTER", "MONTH", "WEEK", "DAY"].includes(unit);
    return whole ? types.date(nullable) : types.timestamp(Math.max(6, fraction), nullable);
  }
  if (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ")
    return { kind: type.kind, precision: Math.max(type.precision, fraction), nullable };
  return withNullable(type, nullable);
};

const NOW = { deterministic: false } as const;
/** A zone written out that there is not. */
function badZone(zone: Expression | undefined): string | undefined {
  if (zone?.kind !== "literal" || typeof zone.value !== "string") return undefined;
  if (/^(?:GMT|UTC?)?[+-]\d{1,2}(?::?\d{2}){0,2}$|^[A-Z]{1,3}$/.test(zone.value)) return undefined;
  try {
    zoneOffsetMs(0, zone.value);
    return undefined;
  } catch {
    // Intl knows no such zone.
    return zone.value;
  }
}

const time: readonly FunctionDefinition[] = [
  ...part("YEAR QUARTER MONTH WEEK DAYOFYEAR DAYOFMONTH DAYOFWEEK HOUR MINUTE SECOND"),
  fn("EXTRACT", ["S T", "S IV"], extractRule, {
    explain: ([unit, from]) =>
      unit?.kind === "literal" && from?.type.kind === "DATE"
        ? `${String(unit.value)} can not be applied to ${typeToString(from.type)}`
        : undefined,
  }),
  fn("LOCALTIME", [""], () => types.time(0, false), NOW),
  fn("LOCALTIMESTAMP", [""], () => types.timestamp(3, false), NOW),
  fn("CURRENT_TIME", [""], () => types.time(0, false), NOW),
  fn("CURRENT_DATE", [""], () => types.date(false), NOW),
  fn("CURRENT_TIMESTAMP", [""], () => types.timestampLtz(3, false), NOW),
  fn("NOW", [""], () => types.timestampLtz(3, false), NOW),
  fn("CURRENT_ROW_TIMESTAMP", [""], () => types.timestampLtz(3, false), NOW),
  fn(
    "PROCTIME",
    [""],
    () => ({ kind: "TIMESTAMP_LTZ", precision: 3, nullable: false, timeAttribute: "PROCTIME" }),
    NOW,
  ),
  fn("DATE_FORMAT", ["TS S", "DATE S", "S S"], NULL_STRING),
  fn("TIMESTAMPADD", ["S INT T"], timestampAddRule),
  fn("TIMESTAMPDIFF", ["S T T"], (args, values) => {
    const unit = values[0]?.kind === "literal" ? String(values[0].value) : "";
    const long = unit === "MICROSECOND" || unit === "NANOSECOND" || unit === "MILLISECOND";
    return long ? types.bigint(anyNullable(args)) : types.int(anyNullable(args));
  }),
  fn("CONVERT_TZ", ["SL SL SL"], NULL_STRING),
  fn("FROM_UNIXTIME", ["L S?"], NULL_STRING),
  fn("UNIX_TIMESTAMP", ["", "SL S?"], (args) => types.bigint(args.length > 0 && anyNullable(args))),
  fn("TO_DATE", ["S S?"], nullableOf(types.date)),
  fn(
    "TO_TIMESTAMP_LTZ",
    ["N I?", "S S? S?"],
    (_, [, pattern, zone]) => {
      if (badZone(zone) !== undefined) return undefined;
      const text = pattern?.kind === "literal" ? String(pattern.value) : "";
      return types.timestampLtz(Math.min(9, Math.max(3, /S+$/.exec(text)?.[0].length ?? 3)));
    },
    {
      explain: ([, , zone]) => {
        const name = badZone(zone);
        return name === undefined
          ? undefined
          : "Invalid timezone for parsing TIMESTAMP_LTZ: Invalid ID for region-based ZoneId, " +
              `invalid format: ${name}`;
      },
    },
  ),
  fn("TO_TIMESTAMP", ["SL S?"], () => types.timestamp(3)),
  fn("CURRENT_WATERMARK", ["TS"], (args) => withNullable(plainTime(args[0]!), true), NOW),
  fn("SOURCE_WATERMARK", [""], () => types.timestamp(3)),
  fn("DATE_ADD", ["T I"], (args) => withNullable(types.date(), anyNullable(args))),
];

function plainTime(type: LogicalType): LogicalType {
  return type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ"
    ? { kind: type.kind, precision: type.precision, nullable: type.nullable }
    : type;
}

export const scalarFunctions: readonly FunctionDefinition[] = [...arithmetic, ...text, ...time];
