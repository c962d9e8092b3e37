/**
 * Which partitions a scan's condition leaves: conditions over partition columns alone are told for each folder before a
 * file of it is opened. What cannot be told here keeps the folder; the Calc behind the source filters all the same.
 *
 * Source:  Flink PartitionPruner.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { SourceContext } from "../../contract/source.ts";
import type { PartitionLayout } from "./partition-layout.ts";
import { parsePartitionText } from "./partition-value.ts";

type Expression = NonNullable<SourceContext["node"]["filter"]>;
/** A value in a comparable form, NULL, or undefined: not known here. */
type Known = number | bigint | string | boolean | null | undefined;

/** False only for folders none of whose rows can satisfy the filter. */
export function keepsPartition(
  layout: PartitionLayout,
  filter: Expression | undefined,
  texts: readonly (string | null)[],
): boolean {
  if (filter === undefined) return true;
  const value = (field: number): Known => {
    const key = layout.keys.findIndex((each) => each.field === field);
    const text = texts[key];
    if (text === undefined) return undefined;
    const { type, name } = layout.keys[key]!;
    return text === null ? null : comparable(parsePartitionText(text, type, name));
  };
  const result = evaluate(filter, value);
  return result !== false && result !== null;
}

function evaluate(expression: Expression, field: (index: number) => Known): Known {
  switch (expression.kind) {
    case "input":
      return field(expression.index);
    case "literal":
      return literal(expression.value, expression.type);
    case "call":
      return call(expression.function, expression.args, (each) => evaluate(each, field));
    default:
      return undefined;
  }
}

function call(
  name: string,
  args: readonly Expression[],
  evaluated: (expression: Expression) => Known,
): Known {
  if (name === "AND") return junction(args.map(evaluated), false);
  if (name === "OR") return junction(args.map(evaluated), true);
  const [left, right] = args;
  if (left === undefined) return undefined;
  const a = evaluated(left);
  if (name === "NOT") return typeof a === "boolean" ? !a : a === null ? null : undefined;
  if (name === "IS_NULL") return a === undefined ? undefined : a === null;
  if (name === "IS_NOT_NULL") return a === undefined ? undefined : a !== null;
  if (name === "IS_TRUE") return a === undefined ? undefined : a === true;
  if (name === "IN")
    return junction(
      args.slice(1).map((each) => compare("EQUALS", a, evaluated(each))),
      true,
    );
  return right === undefined || args.length > 2 ? undefined : compare(name, a, evaluated(right));
}

/** AND (`decides` false) and OR (true) of three values, the fourth being "not known". */
function junction(values: readonly Known[], decides: boolean): Known {
  if (values.includes(decides)) return decides;
  if (values.includes(undefined)) return undefined;
  return values.includes(null) ? null : !decides;
}

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  EQUALS: (order) => order === 0,
  NOT_EQUALS: (order) => order !== 0,
  LESS_THAN: (order) => order < 0,
  LESS_THAN_OR_EQUAL: (order) => order <= 0,
  GREATER_THAN: (order) => order > 0,
  GREATER_THAN_OR_EQUAL: (order) => order >= 0,
};

function compare(name: string, a: Known, b: Known): Known {
  const test = COMPARISONS[name];
  if (test === undefined || a === undefined || b === undefined) return undefined;
  if (a === null || b === null) return null;
  if (typeof a !== typeof b || Number.isNaN(a) || Number.isNaN(b)) return undefined;
  // Only equality is told of texts and booleans: their order is that of their bytes, which is not JavaScript's.
  if (typeof a === "string" || typeof a === "boolean") return unordered(name, a === b);
  return test(a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0);
}

function unordered(name: string, equal: boolean): Known {
  return name === "EQUALS" ? equal : name === "NOT_EQUALS" ? !equal : undefined;
}

const NUMBERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "DATE", "TIME"]);

function literal(value: unknown, { kind }: LogicalType): Known {
  if (value === null || typeof value === "boolean") return value;
  if (NUMBERS.has(kind)) return Number(value);
  if (kind === "BIGINT") return BigInt(value as string);
  if (kind === "VARCHAR") return value as string;
  return undefined;
}

/** DECIMAL, TIMESTAMP, FLOAT and DOUBLE are left to the Calc behind. */
function comparable(value: Value): Known {
  return typeof value === "object" && value !== null ? undefined : value;
}
