/** Operations over text: functions with one meaning in Flink and the peer, LIKE, SIMILAR TO, regular expressions, casts to text. */
import { type Kind, type Peer, simple } from "./fuzz-expression.ts";
import type { Generator, Operation, Texts } from "./generator.ts";

interface TextSpec {
  readonly name: string;
  readonly kind?: Kind;
  /** Kinds of arguments; a number in text is an INT literal out of those listed. */
  readonly args: readonly (Kind | readonly string[])[];
  readonly text: string | Texts;
  readonly peers?: readonly Peer[];
}

function operation({ name, kind = "VARCHAR", args, text, peers }: TextSpec): Operation {
  return {
    name,
    kinds: [kind],
    ...(peers === undefined ? {} : { peers }),
    make: (draw, _kind, depth) => {
      const made = args.map((arg) => {
        if (typeof arg === "string") return draw.expr(arg, depth);
        const word = draw.pick(arg);
        const isNumber = /^-?\d+$/.test(word);
        if (isNumber) return draw.number(simple("INT"), word);
        return { ...draw.literal("VARCHAR"), flink: `'${word}'`, peer: `'${word}'` };
      });
      return draw.build(name, simple(kind), made, text);
    },
  };
}

const STARTS = ["1", "2", "3", "5", "20"];
const LENGTHS = ["0", "1", "2", "4", "100"];
const PATTERNS = ["a%", "%a", "%b%", "_b_", "", "%", "___", "a_b%c", "%o W%", "%é%", "x_y"];
const REGEXES = ["a", "^a", "b+", "[a-c]+", "(a|b)c?", "o.*d$", "[0-9]+", "x.y", ".", "[^a-z]"];
const SETS = ["a", "abc", "l", "o", " "];

const strings: readonly TextSpec[] = [
  { name: "UPPER", args: ["VARCHAR"], text: "UPPER($1)" },
  { name: "LOWER", args: ["VARCHAR"], text: "LOWER($1)" },
  { name: "TRIM", args: ["VARCHAR"], text: "TRIM($1)" },
  { name: "TRIM LEADING", args: ["VARCHAR"], text: sides("TRIM(LEADING ' ' FROM $1)", "LTRIM") },
  { name: "TRIM TRAILING", args: ["VARCHAR"], text: sides("TRIM(TRAILING ' ' FROM $1)", "RTRIM") },
  { name: "LTRIM set", args: ["VARCHAR", SETS], text: "LTRIM($1, $2)" },
  { name: "RTRIM set", args: ["VARCHAR", SETS], text: "RTRIM($1, $2)" },
  { name: "BTRIM", args: ["VARCHAR", SETS], text: both("BTRIM($1, $2)", "TRIM($1, $2)") },
  { name: "||", args: ["VARCHAR", "VARCHAR"], text: "($1 || $2)" },
  {
    name: "CONCAT",
    args: ["VARCHAR", "VARCHAR"],
    text: both("CONCAT($1, $2)", "($1 || $2)", true),
  },
  {
    name: "CONCAT_WS",
    args: [["-", ","], "VARCHAR", "VARCHAR"],
    text: "CONCAT_WS($1, $2, $3)",
  },
  { name: "SUBSTRING", args: ["VARCHAR", STARTS, LENGTHS], text: "SUBSTRING($1, $2, $3)" },
  { name: "SUBSTRING FROM", args: ["VARCHAR", STARTS], text: "SUBSTRING($1 FROM $2)" },
  {
    name: "SUBSTR negative",
    args: ["VARCHAR", ["-1", "-2", "-3"], LENGTHS],
    text: both(
      "SUBSTR($1, $2, $3)",
      "(CASE WHEN LENGTH($1) < ABS($2) THEN '' ELSE SUBSTR($1, $2, $3) END)",
    ),
    peers: ["duckdb"],
  },
  {
    name: "REPLACE",
    args: ["VARCHAR", ["a", "l", "ab", "é"], "VARCHAR"],
    text: "REPLACE($1, $2, $3)",
  },
  { name: "REVERSE", args: ["VARCHAR"], text: "REVERSE($1)" },
  { name: "REPEAT", args: ["VARCHAR", ["0", "1", "2", "3"]], text: "REPEAT($1, $2)" },
  { name: "LEFT", args: ["VARCHAR", LENGTHS], text: "LEFT($1, $2)" },
  { name: "RIGHT", args: ["VARCHAR", LENGTHS], text: "RIGHT($1, $2)" },
  { name: "LPAD", args: ["VARCHAR", LENGTHS, ["x", "ab"]], text: "LPAD($1, $2, $3)" },
  { name: "RPAD", args: ["VARCHAR", LENGTHS, ["x", "ab"]], text: "RPAD($1, $2, $3)" },
  { name: "INITCAP", args: ["VARCHAR"], text: "INITCAP($1)", peers: ["postgres"] },
  {
    name: "TRANSLATE",
    args: ["VARCHAR", ["abc", "lo"], ["xy", "0", "123"]],
    text: "TRANSLATE($1, $2, $3)",
  },
  {
    name: "OVERLAY",
    args: ["VARCHAR", "VARCHAR", STARTS, ["0", "1", "3"]],
    text: {
      flink: "OVERLAY($1 PLACING $2 FROM $3 FOR $4)",
      postgres:
        "(CASE WHEN $2 IS NULL THEN NULL WHEN $3 > CHAR_LENGTH($1) THEN $1 WHEN $4 <= 0 THEN LEFT($1, $3 - 1) || $2 " +
        "ELSE OVERLAY($1 PLACING $2 FROM $3 FOR $4) END)",
    },
    peers: ["postgres"],
  },
  { name: "CHR", args: [["65", "97", "48", "33"]], text: "CHR($1)" },
  { name: "MD5", args: ["VARCHAR"], text: "MD5($1)" },
  { name: "SHA256", args: ["VARCHAR"], text: "SHA256($1)", peers: ["duckdb"] },
  { name: "HEX", args: ["VARCHAR"], text: "HEX($1)", peers: ["duckdb"] },
  { name: "BIN", args: ["INT"], text: "BIN($1)", peers: ["duckdb"] },
  {
    name: "TO_BASE64",
    args: ["VARCHAR"],
    text: {
      flink: "TO_BASE64($1)",
      duckdb: "TO_BASE64(ENCODE($1))",
      // It breaks lines after 76 characters.
      postgres: "TRANSLATE(ENCODE(CONVERT_TO($1, 'UTF8'), 'base64'), E'\\n', '')",
    },
  },
  {
    name: "URL_ENCODE",
    args: ["VARCHAR"],
    text: both("URL_ENCODE($1)", "REPLACE(URL_ENCODE($1), '%20', '+')"),
    peers: ["duckdb"],
  },
  {
    name: "SPLIT_INDEX",
    args: ["VARCHAR", [",", "a", "l"], ["0"]],
    text: both(
      "SPLIT_INDEX($1, $2, $3)",
      "(CASE WHEN $1 <> '' THEN SPLIT_PART($1, $2, 1) END)",
      true,
    ),
  },
  {
    name: "REGEXP_REPLACE",
    args: ["VARCHAR", REGEXES, ["", "-", "xy"]],
    text: both("REGEXP_REPLACE($1, $2, $3)", "REGEXP_REPLACE($1, $2, $3, 'g')", true),
  },
  {
    name: "REGEXP_EXTRACT",
    args: ["VARCHAR", REGEXES],
    text: {
      flink: "REGEXP_EXTRACT($1, $2, 0)",
      duckdb: "(CASE WHEN REGEXP_MATCHES($1, $2) THEN REGEXP_EXTRACT($1, $2, 0) END)",
      postgres: "SUBSTRING($1 FROM REPLACE($2, '(a', '(?:a'))",
    },
  },
];

const tests: readonly TextSpec[] = [
  { name: "LIKE", args: ["VARCHAR", PATTERNS], text: "($1 LIKE $2)" },
  { name: "NOT LIKE", args: ["VARCHAR", PATTERNS], text: "($1 NOT LIKE $2)" },
  {
    name: "LIKE ESCAPE",
    args: ["VARCHAR", ["a!_b!%c", "%!_%", "!%", "a%", "_"]],
    text: "($1 LIKE $2 ESCAPE '!')",
  },
  { name: "LIKE column", args: ["VARCHAR", "VARCHAR"], text: "($1 LIKE $2)" },
  {
    name: "SIMILAR TO",
    args: ["VARCHAR", ["a%", "(a|b)%", "[a-c]+", "_{3}", "%(b|d)%", "a*"]],
    text: "($1 SIMILAR TO $2)",
    peers: ["postgres"],
  },
  {
    name: "REGEXP",
    args: ["VARCHAR", REGEXES],
    text: { flink: "REGEXP($1, $2)", duckdb: "REGEXP_MATCHES($1, $2)", postgres: "($1 ~ $2)" },
  },
  {
    name: "STARTSWITH",
    args: ["VARCHAR", "VARCHAR"],
    text: {
      flink: "STARTSWITH($1, $2)",
      duckdb: "STARTS_WITH($1, $2)",
      postgres: "STARTS_WITH($1, $2)",
    },
  },
  {
    name: "ENDSWITH",
    args: ["VARCHAR", "VARCHAR"],
    text: both("ENDSWITH($1, $2)", "(RIGHT($1, CHAR_LENGTH($2)) = $2)"),
    peers: ["postgres"],
  },
].map((spec) => ({ ...spec, kind: "BOOLEAN" }) as TextSpec);

const numbers: readonly TextSpec[] = [
  { name: "CHAR_LENGTH", args: ["VARCHAR"], text: both("CHAR_LENGTH($1)", "LENGTH($1)", true) },
  { name: "POSITION", args: ["VARCHAR", "VARCHAR"], text: "POSITION($1 IN $2)" },
  {
    name: "LOCATE",
    args: ["VARCHAR", "VARCHAR"],
    text: { flink: "LOCATE($2, $1)", duckdb: "INSTR($1, $2)", postgres: "STRPOS($1, $2)" },
  },
  {
    name: "INSTR",
    args: ["VARCHAR", "VARCHAR"],
    text: { flink: "INSTR($1, $2)", postgres: "STRPOS($1, $2)" },
  },
  {
    name: "ASCII",
    args: ["VARCHAR"],
    text: "ASCII($1)",
  },
  {
    name: "OCTET_LENGTH",
    args: ["VARCHAR"],
    text: { flink: "OCTET_LENGTH($1)", duckdb: "STRLEN($1)" },
  },
].map((spec) => ({ ...spec, kind: "INT", text: asInt(spec.text) }) as TextSpec);

/** The peers count in BIGINT. */
function asInt(text: string | Texts): Texts {
  const {
    flink,
    duckdb = flink,
    postgres = flink,
  }: Texts = typeof text === "string" ? { flink: text } : text;
  return { flink, duckdb: `CAST(${duckdb} AS INT)`, postgres: `CAST(${postgres} AS INT)` };
}

/** Flink's text and the peers'; in DuckDB alone unless `all`. */
function both(flink: string, peer: string, all = false): Texts {
  return all ? { flink, duckdb: peer, postgres: peer } : { flink, duckdb: peer };
}

function sides(flink: string, peer: string): Texts {
  return { flink, duckdb: `${peer}($1, ' ')`, postgres: `${peer}($1, ' ')` };
}

/** Kinds whose texts are the same everywhere. */
const TEXT_SOURCES: readonly Kind[] = [
  "TINYINT",
  "SMALLINT",
  "INT",
  "BIGINT",
  "DECIMAL",
  "DATE",
  "BOOLEAN",
  "TIME",
];

const toText: Operation = {
  name: "CAST AS STRING",
  kinds: ["VARCHAR"],
  make: (draw: Generator, _kind, depth) => {
    const arg = draw.expr(draw.pick(TEXT_SOURCES), depth);
    const peer = arg.type.kind === "BOOLEAN" ? "UPPER(CAST($1 AS VARCHAR))" : "CAST($1 AS VARCHAR)";
    const texts = { flink: "CAST($1 AS STRING)", duckdb: peer, postgres: peer };
    return draw.build(`CAST ${arg.type.kind} AS VARCHAR`, simple("VARCHAR"), [arg], texts);
  },
};

export const textOperations: readonly Operation[] = [
  ...[...strings, ...tests, ...numbers].map(operation),
  toText,
];
