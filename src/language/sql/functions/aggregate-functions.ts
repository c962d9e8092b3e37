/**
 * Aggregate functions and functions of OVER windows: argument forms and result types.
 *
 * Source: Flink FlinkTypeSystem (SUM, AVG), BuiltInFunctionDefinitions. In a query without GROUP BY results are nullable;
 *         the aggregate converter makes them so.
 */
import {
  type LogicalType,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { avgDecimal, isDecimal, isInteger, sumDecimal } from "../validator/type-system.ts";
import {
  type FunctionDefinition,
  type ReturnRule,
  fn,
  forceNullable,
  notNull,
  nullableOf,
  sameAs,
} from "./function-definition.ts";

const AGGREGATE = { category: "aggregate" } as const;
const WINDOW = { category: "window" } as const;

const sumRule: ReturnRule = (args) =>
  isDecimal(args[0]!) ? sumDecimal(args[0]!, args[0]!.nullable) : args[0]!;
const avgRule: ReturnRule = (args) =>
  isDecimal(args[0]!) ? avgDecimal(args[0]!, args[0]!.nullable) : args[0]!;

/** Integers give integers, DECIMAL(p, s) gives DECIMAL(38, max(6, s)), the rest DOUBLE. */
const varianceRule: ReturnRule = (args) => {
  const type = args[0]!;
  if (isInteger(type)) return type;
  if (isDecimal(type)) return avgDecimal(type, type.nullable);
  return withNullable(type, type.nullable);
};

const multisetRule: ReturnRule = (args) => ({
  kind: "MULTISET",
  element: args[0]!,
  nullable: false,
});

const bitmap: ReturnRule = () => ({ kind: "BITMAP", nullable: true });

export const aggregateFunctions: readonly FunctionDefinition[] = [
  fn("COUNT", ["ANY*"], notNull(types.bigint), AGGREGATE),
  fn("APPROX_COUNT_DISTINCT", ["ANY"], notNull(types.bigint), AGGREGATE),
  fn("SUM", ["N", "IV"], sumRule, AGGREGATE),
  fn("SUM0", ["N"], (args) => withNullable(sumRule(args, []) as LogicalType, false), AGGREGATE),
  fn("AVG", ["N"], avgRule, AGGREGATE),
  fn("MIN", ["ANY"], sameAs(0), AGGREGATE),
  fn("MAX", ["ANY"], sameAs(0), AGGREGATE),
  fn("STDDEV_POP", ["N"], varianceRule, AGGREGATE),
  fn("STDDEV_SAMP", ["N"], forceNullable(varianceRule), AGGREGATE),
  fn("STDDEV", ["N"], forceNullable(varianceRule), AGGREGATE),
  fn("VAR_POP", ["N"], varianceRule, AGGREGATE),
  fn("VAR_SAMP", ["N"], forceNullable(varianceRule), AGGREGATE),
  fn("VARIANCE", ["N"], forceNullable(varianceRule), AGGREGATE),
  fn("COLLECT", ["ANY"], multisetRule, AGGREGATE),
  fn("SINGLE_VALUE", ["ANY"], sameAs(0), AGGREGATE),
  fn("FIRST_VALUE", ["ANY ANY?"], (args) => args[0]!, AGGREGATE),
  fn("LAST_VALUE", ["ANY ANY?"], (args) => args[0]!, AGGREGATE),
  fn("LISTAGG", ["SL S?"], nullableOf(types.string), AGGREGATE),
  fn("ARRAY_AGG", ["ANY"], (args) => types.array(args[0]!, true), AGGREGATE),
  fn("JSON_OBJECTAGG", ["S ANY S?"], notNull(types.string), AGGREGATE),
  fn("JSON_ARRAYAGG", ["ANY S?"], notNull(types.string), AGGREGATE),
  fn("PERCENTILE", ["D FR INT?", "D AF INT?"], percentileRule, AGGREGATE),
  fn("BITMAP_AND_AGG", ["BMP"], bitmap, AGGREGATE),
  fn("BITMAP_OR_AGG", ["BMP"], bitmap, AGGREGATE),
  fn("BITMAP_XOR_AGG", ["BMP"], bitmap, AGGREGATE),
  fn("BITMAP_BUILD_AGG", ["BI"], bitmap, AGGREGATE),
  fn("BITMAP_AND_CARDINALITY_AGG", ["BMP"], nullableOf(types.bigint), AGGREGATE),
  fn("BITMAP_OR_CARDINALITY_AGG", ["BMP"], nullableOf(types.bigint), AGGREGATE),
  fn("BITMAP_XOR_CARDINALITY_AGG", ["BMP"], nullableOf(types.bigint), AGGREGATE),
  fn("BITMAP_BUILD_CARDINALITY_AGG", ["BI"], nullableOf(types.bigint), AGGREGATE),
  fn("ROW_NUMBER", [""], notNull(types.bigint), WINDOW),
  fn("RANK", [""], notNull(types.bigint), WINDOW),
  fn("DENSE_RANK", [""], notNull(types.bigint), WINDOW),
  fn("CUME_DIST", [""], notNull(types.double), WINDOW),
  fn("PERCENT_RANK", [""], notNull(types.double), WINDOW),
  fn("NTILE", ["INT"], notNull(types.bigint), WINDOW),
  fn("LEAD", ["ANY INT? ANY?"], leadRule, WINDOW),
  fn("LAG", ["ANY INT? ANY?"], leadRule, WINDOW),
  fn("NTH_VALUE", ["ANY INT"], forceNullable(sameAs(0)), WINDOW),
];

function leadRule(args: readonly LogicalType[]): LogicalType {
  const otherwise = args[2];
  return withNullable(args[0]!, args[0]!.nullable || (otherwise?.nullable ?? true));
}

function percentileRule(args: readonly LogicalType[]): LogicalType {
  return args[1]!.kind === "ARRAY" ? types.array(types.double(), true) : types.double();
}
