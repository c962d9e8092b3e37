/** Comparison, three-valued logic, and what chooses among values: CASE, COALESCE, NULLIF, IF. Common types are the generator's. */
import {
  type Expr,
  type FuzzType,
  type Kind,
  INTEGERS,
  decimal,
  isApproximate,
  isInteger,
  simple,
  timestamp,
} from "./fuzz-expression.ts";
import { type Generator, type Operation, type Texts, widened } from "./generator.ts";

const COMPARABLE: readonly Kind[] = [
  ...INTEGERS,
  "DECIMAL",
  "FLOAT",
  "DOUBLE",
  "VARCHAR",
  "BOOLEAN",
  "DATE",
  "TIME",
  "TIMESTAMP",
];

const BOOLEAN = simple("BOOLEAN");

/** An argument to compare with one of `kind`: of the same kind, or another number. */
function counterpart(draw: Generator, kind: Kind, depth: number): Expr {
  const numbers: readonly Kind[] = [...INTEGERS, "DECIMAL"];
  const others = numbers.includes(kind) ? numbers : kind === "DOUBLE" ? ["INT" as const, kind] : [];
  return draw.expr(others.length > 0 && draw.chance(3) ? draw.pick(others) : kind, depth);
}

function comparable(draw: Generator, depth: number): [Expr, Expr] {
  const kind = draw.pick(COMPARABLE);
  const [a, b] = [draw.expr(kind, depth), counterpart(draw, kind, depth)];
  if (!isApproximate(a.type)) return [a, b];
  const type = widened(a.type, b.type);
  return [draw.peerCast(a, type), draw.peerCast(b, type)];
}

function comparison(operator: string): Operation {
  return {
    name: operator,
    kinds: ["BOOLEAN"],
    make: (draw, _kind, depth) => {
      const args = comparable(draw, depth);
      const name = `${operator} ${args[0].type.kind}`;
      return draw.build(name, BOOLEAN, args, `($1 ${operator} $2)`);
    },
  };
}

function logic(name: string, template: string | Texts, count: number): Operation {
  return {
    name,
    kinds: ["BOOLEAN"],
    make: (draw, _kind, depth) => {
      const args = Array.from({ length: count }, () => draw.expr("BOOLEAN", depth));
      return draw.build(name, BOOLEAN, args, template);
    },
  };
}

function ofAny(name: string, template: string | Texts): Operation {
  return {
    name,
    kinds: ["BOOLEAN"],
    make: (draw, _kind, depth) =>
      draw.build(name, BOOLEAN, [draw.expr(draw.pick(COMPARABLE), depth)], template),
  };
}

function ofThree(name: string, template: string, same = false): Operation {
  return {
    name,
    kinds: ["BOOLEAN"],
    make: (draw, _kind, depth) => {
      const kind = draw.pick(COMPARABLE);
      const third = () => (same ? draw.literal(kind) : draw.expr(kind, depth));
      const args = [draw.expr(kind, depth), third(), third()];
      return draw.build(`${name} ${kind}`, BOOLEAN, args, template);
    },
  };
}

/** Results of equal type, so that no rule of widening is needed. */
function branches(draw: Generator, kind: Kind, depth: number, count: number) {
  const first = draw.expr(kind, depth);
  const rest = Array.from({ length: count - 1 }, () => draw.expr(kind, depth));
  let { type } = first;
  for (const other of rest) type = common(type, other.type);
  const digits = type.precision - type.scale;
  return digits < 0 ? undefined : { type, args: [first, ...rest] };
}

function common(a: FuzzType, b: FuzzType): FuzzType {
  if (a.kind === "TIMESTAMP") return timestamp(Math.max(a.precision, b.precision));
  if (a.kind !== "DECIMAL") return a;
  const scale = Math.max(a.scale, b.scale);
  const whole = Math.max(a.precision - a.scale, b.precision - b.scale);
  const precision = Math.min(38, whole + scale);
  return decimal(precision, Math.min(scale, precision - whole));
}

const CHOSEN: readonly Kind[] = COMPARABLE;

const caseWhen: Operation = {
  name: "CASE WHEN",
  kinds: CHOSEN,
  make: (draw, kind, depth) => {
    const chosen = branches(draw, kind, depth, 2);
    if (chosen === undefined) return undefined;
    const args = [draw.expr("BOOLEAN", depth), ...chosen.args];
    const template = draw.pick([
      "(CASE WHEN $1 THEN $2 ELSE $3 END)",
      "(CASE WHEN $1 THEN $2 WHEN NOT $1 THEN $3 END)",
    ]);
    return draw.build("CASE WHEN", chosen.type, args, template);
  },
};

const simpleCase: Operation = {
  name: "CASE value",
  kinds: CHOSEN,
  make: (draw, kind, depth) => {
    const chosen = branches(draw, kind, depth, 2);
    if (chosen === undefined) return undefined;
    const by = draw.pick(["INT", "VARCHAR", "DATE"] as const);
    const args = [draw.expr(by, depth), draw.literal(by), ...chosen.args];
    return draw.build("CASE value", chosen.type, args, "(CASE $1 WHEN $2 THEN $3 ELSE $4 END)");
  },
};

const coalesce: Operation = {
  name: "COALESCE",
  kinds: CHOSEN,
  make: (draw, kind, depth) => {
    const chosen = branches(draw, kind, depth, 2);
    return chosen && draw.build("COALESCE", chosen.type, chosen.args, "COALESCE($1, $2)");
  },
};

const ifElse: Operation = {
  name: "IF",
  kinds: CHOSEN,
  make: (draw, kind, depth) => {
    const chosen = branches(draw, kind, depth, 2);
    if (chosen === undefined || kind === "DECIMAL" || kind === "TIMESTAMP") return undefined;
    const args = [draw.expr("BOOLEAN", depth), ...chosen.args];
    const peer = "(CASE WHEN $1 THEN $2 ELSE $3 END)";
    const texts = { flink: "IF($1, $2, $3)", duckdb: peer, postgres: peer };
    return draw.build("IF", chosen.type, args, texts);
  },
};

const nullIf: Operation = {
  name: "NULLIF",
  kinds: CHOSEN,
  make: (draw, kind, depth) => {
    const args = [draw.expr(kind, depth), draw.expr(kind, depth)];
    return draw.build(`NULLIF ${kind}`, args[0]!.type, args, "NULLIF($1, $2)");
  },
};

const booleanCast: Operation = {
  name: "CAST AS BOOLEAN",
  kinds: ["BOOLEAN"],
  make: (draw, _kind, depth) => {
    const arg = draw.expr("INT", depth);
    return draw.build("CAST INT AS BOOLEAN", BOOLEAN, [arg], "CAST($1 AS BOOLEAN)");
  },
};

const fromBoolean: Operation = {
  name: "CAST BOOLEAN",
  kinds: ["INT"],
  make: (draw, kind, depth) => {
    const arg = draw.expr("BOOLEAN", depth);
    return draw.build("CAST BOOLEAN AS INT", simple(kind), [arg], "CAST($1 AS INT)");
  },
};

const isNotNumber = (arg: Expr) => !isInteger(arg.type);

const inList: Operation = {
  name: "IN",
  kinds: ["BOOLEAN"],
  make: (draw, _kind, depth) => {
    const kind = draw.pick(COMPARABLE.filter((one) => one !== "DECIMAL"));
    const left = draw.expr(kind, depth);
    const args = [left, draw.literal(kind), draw.literal(kind), draw.expr(kind, depth)];
    const word = draw.pick(["IN", "NOT IN"]);
    const last = isNotNumber(left) && draw.chance(2) ? "" : ", $4";
    return draw.build(`${word} ${kind}`, BOOLEAN, args, `($1 ${word} ($2, $3${last}))`);
  },
};

export const logicOperations: readonly Operation[] = [
  ...["=", "<>", "<", "<=", ">", ">="].map(comparison),
  comparison("IS DISTINCT FROM"),
  comparison("IS NOT DISTINCT FROM"),
  logic("AND", "($1 AND $2)", 2),
  logic("OR", "($1 OR $2)", 2),
  logic("NOT", "(NOT $1)", 1),
  logic("IS TRUE", "($1 IS TRUE)", 1),
  logic("IS FALSE", "($1 IS FALSE)", 1),
  logic("IS NOT TRUE", "($1 IS NOT TRUE)", 1),
  logic("IS NOT FALSE", "($1 IS NOT FALSE)", 1),
  logic("IS UNKNOWN", { flink: "($1 IS UNKNOWN)", duckdb: "($1 IS NULL)" }, 1),
  ofAny("IS NULL", "($1 IS NULL)"),
  ofAny("IS NOT NULL", "($1 IS NOT NULL)"),
  ofThree("BETWEEN", "($1 BETWEEN $2 AND $3)"),
  ofThree("NOT BETWEEN", "($1 NOT BETWEEN $2 AND $3)"),
  { ...ofThree("BETWEEN SYMMETRIC", "($1 BETWEEN SYMMETRIC $2 AND $3)"), peers: ["postgres"] },
  inList,
  caseWhen,
  simpleCase,
  coalesce,
  ifElse,
  nullIf,
  booleanCast,
  fromBoolean,
];
