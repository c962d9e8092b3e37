/** Aggregates over the groups of the table, with DISTINCT and FILTER. */
import { type Kind, INTEGERS, decimal, simple } from "./fuzz-expression.ts";
import type { Operation, Texts } from "./generator.ts";

const ORDERED: readonly Kind[] = [
  ...INTEGERS,
  "DECIMAL",
  "FLOAT",
  "DOUBLE",
  "VARCHAR",
  "DATE",
  "TIME",
  "TIMESTAMP",
];

/** Nearly always with a DISTINCT or FILTER of its own now and then. */
function aggregate(
  name: string,
  kinds: readonly Kind[],
  text: (distinct: string, filter: string) => string | Texts,
  options: { readonly argument?: Kind; readonly result?: Kind } = {},
): Operation {
  return {
    name,
    kinds,
    make: (draw, kind, depth) => {
      const arg = draw.expr(options.argument ?? kind, depth);
      const distinct = draw.chance(4) ? "DISTINCT " : "";
      const filtered = draw.chance(4);
      const args = filtered ? [arg, draw.expr("BOOLEAN", 1)] : [arg];
      const filter = filtered ? " FILTER (WHERE $2)" : "";
      const type = options.result === undefined ? arg.type : simple(options.result);
      return draw.build(`${name} ${arg.type.kind}`, type, args, text(distinct, filter));
    },
  };
}

const counts: readonly Operation[] = ORDERED.map((argument) =>
  aggregate("COUNT", ["BIGINT"], (distinct, filter) => `COUNT(${distinct}$1)${filter}`, {
    argument,
    result: "BIGINT",
  }),
);

const sumDecimal: Operation = {
  name: "SUM DECIMAL",
  kinds: ["DECIMAL"],
  make: (draw, _kind, depth) => {
    const arg = draw.expr("DECIMAL", depth);
    return draw.build("SUM DECIMAL", decimal(38, arg.type.scale), [arg], "SUM($1)");
  },
};

const averageDecimal: Operation = {
  name: "AVG DECIMAL",
  kinds: ["DECIMAL"],
  peers: ["postgres"],
  make: (draw, _kind, depth) => {
    const arg = draw.expr("DECIMAL", depth);
    const type = decimal(38, Math.max(6, arg.type.scale));
    return draw.build("AVG DECIMAL", type, [arg], "AVG($1)");
  },
};

/** Integers keep their type; the peers' mean is cut towards zero. */
const averageInteger = INTEGERS.map((kind) =>
  aggregate(
    "AVG",
    [kind],
    (distinct, filter) => ({
      flink: `AVG(${distinct}$1)${filter}`,
      duckdb: `CAST(SUM(${distinct}$1)${filter} // COUNT(${distinct}$1)${filter} AS ${kind})`,
      postgres: `TRUNC(AVG(${distinct}CAST($1 AS NUMERIC))${filter})`,
    }),
    {},
  ),
);

const spread: readonly Operation[] = ["STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP"].map(
  (name) =>
    aggregate(name, ["DOUBLE"], (_distinct, filter) => ({
      flink: `${name}($1)${filter}`,
    })),
);

export const aggregateOperations: readonly Operation[] = [
  aggregate("SUM", [...INTEGERS, "FLOAT", "DOUBLE"], (d, filter) => `SUM(${d}$1)${filter}`),
  aggregate("MIN", ORDERED, (_distinct, filter) => `MIN($1)${filter}`),
  aggregate("MAX", ORDERED, (_distinct, filter) => `MAX($1)${filter}`),
  aggregate("AVG", ["DOUBLE"], (_distinct, filter) => `AVG($1)${filter}`),
  ...counts,
  sumDecimal,
  averageDecimal,
  ...averageInteger,
  ...spread,
];
