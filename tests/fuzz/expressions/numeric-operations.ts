/**
 * Operations whose result is a number: arithmetic, rounding, casts between numbers, functions over DOUBLE.
 *
 * Types follow Flink's rules (LogicalTypeMerging); a peer that would compute in another type gets casts of its arguments.
 */
import {
  type Expr,
  type FuzzType,
  type Kind,
  INTEGERS,
  asDecimal,
  decimal,
  isApproximate,
  isInteger,
  simple,
  typeText,
} from "./fuzz-expression.ts";
import { type Generator, type Operation, type Texts, widened } from "./generator.ts";

const NUMBERS: readonly Kind[] = [...INTEGERS, "FLOAT", "DOUBLE", "DECIMAL"];
const REALS: readonly Kind[] = ["FLOAT", "DOUBLE"];
const MAX_PRECISION = 38;

/** Flink gives up digits of scale before digits of the whole part, down to six. */
function adjusted(precision: number, scale: number): FuzzType {
  if (precision <= MAX_PRECISION) return decimal(precision, scale);
  const whole = precision - scale;
  return decimal(MAX_PRECISION, Math.max(MAX_PRECISION - whole, Math.min(scale, 6)));
}

function decimalResult(operator: string, left: FuzzType, right: FuzzType): FuzzType {
  const [a, b] = [asDecimal(left), asDecimal(right)];
  const scale = Math.max(a.scale, b.scale);
  if (operator === "*") return adjusted(a.precision + b.precision + 1, a.scale + b.scale);
  if (operator === "/") {
    const s = Math.max(6, a.scale + b.precision + 1);
    return adjusted(a.precision - a.scale + b.scale + s, s);
  }
  return adjusted(Math.max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale);
}

/** Two arguments whose common type is `kind`. */
function pair(draw: Generator, kind: Kind, depth: number): [Expr, Expr] {
  const others: readonly Kind[] =
    kind === "DECIMAL"
      ? ["DECIMAL", "INT", "BIGINT", "SMALLINT"]
      : kind === "DOUBLE"
        ? ["DOUBLE", "DOUBLE", "INT", "FLOAT"]
        : kind === "FLOAT"
          ? ["FLOAT", "INT"]
          : INTEGERS.slice(0, INTEGERS.indexOf(kind) + 1);
  const first = draw.expr(kind, depth);
  const second = draw.expr(draw.pick(others), depth);
  return draw.chance(2) ? [first, second] : [second, first];
}

function arithmetic(operator: "+" | "-" | "*"): Operation {
  return {
    name: operator,
    kinds: NUMBERS,
    make: (draw, kind, depth) => {
      if (kind === "TINYINT" && draw.peer === "postgres") return undefined;
      const args = pair(draw, kind, depth);
      const [a, b] = args;
      const type =
        kind === "DECIMAL" ? decimalResult(operator, a.type, b.type) : widened(a.type, b.type);
      const wanted = isApproximate(type) ? args.map((arg) => draw.peerCast(arg, type)) : args;
      const name = `${operator} ${kind}`;
      if (kind !== "DECIMAL") return draw.build(name, simple(kind), wanted, `($1 ${operator} $2)`);
      return draw.build(name, type, args, `($1 ${operator} $2)`);
    },
  };
}

/** Mostly by something that is not 0, so that few rows fail. */
function divisor(draw: Generator, kind: Kind, depth: number): Expr {
  const zero = draw.number(simple("INT"), "0");
  const by = draw.expr(kind, depth);
  return draw.chance(8) ? by : draw.build("NULLIF", by.type, [by, zero], "NULLIF($1, $2)");
}

const division: readonly Operation[] = [
  {
    name: "/",
    kinds: [...INTEGERS, ...REALS],
    make: (draw, kind, depth) => {
      if (kind === "TINYINT" && draw.peer === "postgres") return undefined;
      const args = [draw.expr(kind, depth), divisor(draw, kind, depth)];
      const duckdb = REALS.includes(kind) ? "($1 / $2)" : "($1 // $2)";
      return draw.build(`/ ${kind}`, simple(kind), args, { flink: "($1 / $2)", duckdb });
    },
  },
  {
    name: "/ DECIMAL",
    kinds: ["DECIMAL"],
    peers: ["postgres"],
    make: (draw, _kind, depth) => {
      const left = draw.expr(draw.pick(["DECIMAL", "DECIMAL", "INT", "BIGINT"]), depth);
      const right = divisor(draw, "DECIMAL", depth);
      const type = decimalResult("/", left.type, right.type);
      const postgres = `ROUND((CAST($1 AS NUMERIC(900, 90)) / $2), ${type.scale})`;
      return draw.build("/ DECIMAL", type, [left, right], { flink: "($1 / $2)", postgres });
    },
  },
  {
    name: "MOD",
    kinds: INTEGERS,
    make: (draw, kind, depth) => {
      const left = draw.expr(draw.pick(["INT", "BIGINT", "SMALLINT"]), depth);
      const flink = draw.pick(["MOD($1, $2)", "($1 % $2)"]);
      const args = [left, divisor(draw, kind, depth)];
      return draw.build("MOD", simple(kind), args, { flink, duckdb: "($1 % $2)" });
    },
  },
];

/** A function over one number that keeps its type. */
function keeping(
  name: string,
  kinds: readonly Kind[],
  texts: Texts,
  result: (type: FuzzType) => FuzzType = (type) => type,
): Operation {
  return {
    name,
    kinds,
    make: (draw, kind, depth) => {
      if (kind === "TINYINT" && draw.peer === "postgres") return undefined;
      const arg = draw.expr(kind, depth);
      return draw.build(`${name} ${kind}`, result(arg.type), [arg], texts);
    },
  };
}

const withoutScale = (type: FuzzType): FuzzType =>
  type.kind === "DECIMAL" ? decimal(type.precision, 0) : type;

function rounding(name: string, peerName: string): Operation {
  return {
    name,
    kinds: ["INT", "BIGINT", "DECIMAL", "DOUBLE"],
    make: (draw, kind, depth) => {
      const arg = draw.expr(kind, depth);
      const digits = draw.pick(kind === "DECIMAL" || kind === "DOUBLE" ? [0, 1, 2, 3] : [-1, -2]);
      const { precision, scale } = arg.type;
      const type =
        kind === "DECIMAL" && digits < scale
          ? decimal(Math.min(MAX_PRECISION, 1 + precision - scale + digits), digits)
          : arg.type;
      const peer = draw.peer === "postgres" ? `CAST($1 AS NUMERIC)` : "$1";
      const back =
        kind === "DECIMAL"
          ? `${peerName}(${peer}, ${digits})`
          : `CAST(${peerName}(${peer}, ${digits}) AS ${typeText(type, draw.peer)})`;
      const texts = { flink: `${name}($1, ${digits})`, duckdb: back, postgres: back };
      return draw.build(`${name} ${kind}`, type, [arg], texts);
    },
  };
}

/** Numbers to numbers: towards zero, as in Java. */
const numericCast: Operation = {
  name: "CAST number",
  kinds: NUMBERS,
  make: (draw, kind, depth) => {
    const from = draw.expr(draw.pick(NUMBERS), depth);
    const to = kind === "DECIMAL" ? castTarget(draw) : simple(kind);
    const truncates = isInteger(to) && !isInteger(from.type);
    const peer = `CAST(${truncates ? "TRUNC($1)" : "$1"} AS ${typeText(to, draw.peer)})`;
    return draw.build(`CAST ${from.type.kind} AS ${kind}`, to, [from], {
      flink: `CAST($1 AS ${typeText(to, "flink")})`,
      duckdb: peer,
      postgres: peer,
    });
  },
};

const castTarget = (draw: Generator): FuzzType =>
  draw.pick([decimal(10, 2), decimal(5, 1), decimal(20, 8), decimal(38, 18), decimal(15, 0)]);

const textToNumber: Operation = {
  name: "TRY_CAST text",
  kinds: NUMBERS,
  peers: ["duckdb"],
  make: (draw, kind) => {
    const to = kind === "DECIMAL" ? castTarget(draw) : simple(kind);
    const text = draw.chance(4) ? draw.literal("VARCHAR") : draw.column("VARCHAR");
    return draw.build(`TRY_CAST VARCHAR AS ${kind}`, to, [text], {
      flink: `TRY_CAST($1 AS ${typeText(to, "flink")})`,
      duckdb: `TRY_CAST($1 AS ${typeText(to, "duckdb")})`,
    });
  },
};

/** DOUBLE → DOUBLE. */
function ofDouble(name: string, texts: Partial<Texts> = {}, safe = "$1"): Operation {
  return {
    name,
    kinds: ["DOUBLE"],
    make: (draw, _kind, depth) => {
      const arg = draw.expr(draw.pick(["DOUBLE", "DOUBLE", "FLOAT", "INT"]), depth);
      const guarded = draw.build(name, simple("DOUBLE"), [draw.peerCast(arg, simple("DOUBLE"))], {
        flink: `${name}(${safe})`,
        ...(texts.duckdb === undefined ? {} : { duckdb: texts.duckdb.replaceAll("$1", safe) }),
        ...(texts.postgres === undefined
          ? {}
          : { postgres: texts.postgres.replaceAll("$1", safe) }),
      });
      return guarded;
    },
  };
}

const power: Operation = {
  name: "POWER",
  kinds: ["DOUBLE"],
  make: (draw, _kind, depth) => {
    const base = draw.peerCast(draw.expr(draw.pick(["DOUBLE", "INT"]), depth), simple("DOUBLE"));
    const exponent = draw.number(simple("INT"), draw.pick(["0", "1", "2", "3", "-1"]));
    return draw.build("POWER", simple("DOUBLE"), [base, exponent], "POWER($1, $2)");
  },
};

const atan2: Operation = {
  name: "ATAN2",
  kinds: ["DOUBLE"],
  make: (draw, _kind, depth) => {
    const args = [draw.expr("DOUBLE", depth), draw.expr("DOUBLE", depth)];
    return draw.build("ATAN2", simple("DOUBLE"), args, "ATAN2($1, $2)");
  },
};

const BOUNDED = "(CASE WHEN $1 BETWEEN -1 AND 1 THEN $1 END)";
const MODEST = "(CASE WHEN $1 BETWEEN -700 AND 700 THEN $1 END)";
const POSITIVE = "(CASE WHEN $1 > 0 THEN $1 END)";

const functions: readonly Operation[] = [
  ofDouble("SQRT", {}, "(CASE WHEN $1 >= 0 THEN $1 END)"),
  ofDouble("EXP", {}, MODEST),
  ofDouble("LN", {}, POSITIVE),
  ofDouble("LOG10", { postgres: "LOG($1)" }, POSITIVE),
  ofDouble("LOG2", { postgres: "(LN($1) / LN(CAST(2 AS DOUBLE PRECISION)))" }, POSITIVE),
  ofDouble("SIN", {}, MODEST),
  ofDouble("COS", {}, MODEST),
  ofDouble("TAN", {}, MODEST),
  ofDouble("ASIN", {}, BOUNDED),
  ofDouble("ACOS", {}, BOUNDED),
  ofDouble("ATAN"),
  ofDouble("SINH", {}, BOUNDED),
  ofDouble("COSH", {}, BOUNDED),
  ofDouble("TANH", {}, BOUNDED),
  ofDouble("CBRT"),
  ofDouble("DEGREES", {}, MODEST),
  ofDouble("RADIANS"),
  power,
  atan2,
];

/** Without the NULL of any argument these are the peers' own. */
function extreme(name: "GREATEST" | "LEAST"): Operation {
  return {
    name,
    kinds: ["INT", "BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"],
    make: (draw, kind, depth) => {
      const args = [draw.expr(kind, depth), draw.expr(kind, depth)];
      const peer = `(CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN ${name}($1, $2) END)`;
      const texts = { flink: `${name}($1, $2)`, duckdb: peer, postgres: peer };
      return draw.build(`${name} ${kind}`, args[0]!.type, args, texts);
    },
  };
}

export const numericOperations: readonly Operation[] = [
  arithmetic("+"),
  arithmetic("-"),
  arithmetic("*"),
  ...division,
  keeping("NEGATE", NUMBERS, { flink: "(- $1)" }),
  keeping("ABS", NUMBERS, { flink: "ABS($1)" }),
  keeping("SIGN", ["DOUBLE", "DECIMAL"], { flink: "SIGN($1)" }),
  keeping("SIGN", ["INT"], { flink: "SIGN($1)", postgres: "CAST(SIGN($1) AS INT)" }),
  keeping("CEIL", ["DOUBLE", "DECIMAL"], { flink: "CEIL($1)" }, withoutScale),
  keeping("FLOOR", ["DOUBLE", "DECIMAL"], { flink: "FLOOR($1)" }, withoutScale),
  rounding("ROUND", "ROUND"),
  rounding("TRUNCATE", "TRUNC"),
  numericCast,
  numericCast,
  textToNumber,
  ...functions,
  extreme("GREATEST"),
  extreme("LEAST"),
];
