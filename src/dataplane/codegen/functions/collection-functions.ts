/**
 * Functions over ARRAY and MAP, as column functions over decoded values.
 *
 * NULLs:  a NULL collection gives NULL; elements may be NULL. Positions count from 1; beyond the ends there is nothing.
 * Source: Flink's classes ArrayContainsFunction … MapUnionFunction.
 */
import { decodeNested, elementBytes, isNested } from "../../../foundation/columnar/binary-value.ts";
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { Call } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import { everyRow, rowFunction } from "./column-rows.ts";
import { compareValues, identity, readValue, writeValue } from "./column-values.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

type List = readonly Value[];
type Entries = readonly (readonly [Value, Value])[];

/** `strict`: a NULL among the first arguments gives NULL. */
function collection(
  compute: (args: readonly Value[], call: Call) => Value,
  strict = 1,
  accepts: (call: Call) => boolean = () => true,
): ColumnFunction {
  return {
    kind: "column",
    accepts,
    prepare: (call) =>
      everyRow(({ args, out }, row) => {
        const values = args.map((arg) => readValue(arg, row));
        const missing = values.slice(0, strict).includes(null);
        writeValue(out, row, missing ? null : compute(values, call));
      }),
  };
}

const ALL = Number.POSITIVE_INFINITY;
/** Count, presence and length before the bytes of an array's only element. */
const LIST_OF_ONE = 9;
const list = (value: Value) => value as List;
const entries = (value: Value) => value as unknown as Entries;
const same = (a: Value, b: Value) => identity(a) === identity(b);

function distinct(values: List): Value[] {
  const seen = new Set<string>();
  return values.filter((value) => {
    const key = identity(value);
    return seen.has(key) ? false : seen.add(key);
  });
}

function without(values: List, others: List): Value[] {
  const removed = new Map<string, number>();
  for (const other of others) removed.set(identity(other), (removed.get(identity(other)) ?? 0) + 1);
  return values.filter((value) => !removed.has(identity(value)));
}

function elementType(type: LogicalType | undefined): LogicalType | undefined {
  return type?.kind === "ARRAY" ? type.element : undefined;
}

function extreme(sign: 1 | -1): ColumnFunction {
  return collection(([values], { args }) => {
    const type = elementType(args[0]?.type);
    const present = list(values!).filter((value) => value !== null);
    if (type === undefined || present.length === 0) return null;
    return present.reduce((best, value) =>
      sign * compareValues(value, best, type) > 0 ? value : best,
    );
  });
}

const sort = collection(([values, ascending = true, nullsFirst], { args }) => {
  if (ascending === null || nullsFirst === null) return null;
  const type = elementType(args[0]?.type);
  const first = nullsFirst ?? ascending;
  const sign = ascending ? 1 : -1;
  return [...list(values!)].sort((a, b) => {
    if (a === null || b === null) return a === b ? 0 : (a === null) === first ? -1 : 1;
    return type === undefined ? 0 : sign * compareValues(a, b, type);
  });
});

/** From and to count from 1, from the end when negative; what lies outside is left out. */
const slice = collection(([values, start, end], { args }) => {
  const elements = list(values!);
  if (start === null || (args.length > 2 && end === null)) return null;
  const size = elements.length;
  if (size === 0) return [];
  const place = (index: number) => (index < 0 ? size + index : index === 0 ? 0 : index - 1);
  const [from, to] = [place(Number(start)), end === undefined ? size - 1 : place(Number(end))];
  if (from > size - 1 || to < 0 || from > to) return [];
  return elements.slice(Math.max(0, from), Math.min(to, size - 1) + 1);
});

const item: ColumnFunction = {
  kind: "column",
  accepts: ({ args }) => args[0]?.type.kind === "ARRAY" || args[0]?.type.kind === "MAP",
  prepare: (call) =>
    everyRow(({ args: [from, index], out }, row) => {
      if (from!.isNull(row) || index!.isNull(row)) return out.setNull(row);
      const value = readValue(from!, row);
      const key = readValue(index!, row);
      const found =
        call.args[0]!.type.kind === "ARRAY"
          ? list(value)[Number(key) - 1]
          : entries(value).find(([own]) => same(own, key))?.[1];
      writeValue(out, row, found ?? null);
    }),
};

const element = collection(([values], call) => {
  const [first = null, ...rest] = list(values!);
  if (rest.length > 0)
    throw codegenErrors.EXPRESSION_FAILED({
      function: call.function,
      reason: "Array has more than one element.",
      where: "a row",
    });
  return first;
});

const makeMap = collection((values) => {
  const pairs: [Value, Value][] = [];
  for (let i = 0; i + 1 < values.length; i += 2) pairs.push([values[i]!, values[i + 1]!]);
  return mapOf(pairs);
}, 0);

/** The last value of a key counts. */
function mapOf(pairs: Entries): Value {
  const map = new Map(pairs.map((pair) => [identity(pair[0]), pair]));
  return [...map.values()] as unknown as Value;
}

const fromArrays = collection(([keys, values], call) => {
  if (list(keys!).length !== list(values!).length)
    throw codegenErrors.EXPRESSION_FAILED({
      function: call.function,
      reason:
        "Invalid function MAP_FROM_ARRAYS call: " +
        `The length of the keys array ${list(keys!).length} ` +
        `is not equal to the length of the values array ${list(values!).length}`,
      where: "a row",
    });
  return mapOf(list(keys!).map((key, i) => [key, list(values!)[i]!]));
}, 2);

const join = collection(([values, delimiter, replacement], { args }) => {
  if (delimiter === null || (args.length > 2 && replacement === null)) return null;
  const texts = list(values!).map((value) => value ?? replacement ?? null);
  return texts.filter((text) => text !== null).join(String(delimiter));
}, 2);

const split = collection(([text, delimiter]) => {
  const [whole, by] = [String(text), String(delimiter)];
  return by === "" ? [...whole] : whole.split(by);
}, 2);

const textToMap = collection(([text, pairs = ",", values = "="]) => {
  if (pairs === null || values === null) return null;
  const parts = String(text) === "" ? [] : String(text).split(String(pairs));
  return mapOf(
    parts.map((part) => {
      const at = part.indexOf(String(values));
      return at < 0 ? [part, null] : [part.slice(0, at), part.slice(at + String(values).length)];
    }),
  );
});

const areArrays = ({ args }: Call) => args.every(({ type }) => type.kind === "ARRAY");

export const collectionFunctions: FunctionTable = {
  ARRAY: collection((values) => [...values], 0),
  MAP: makeMap,
  ITEM: item,
  $ROW_OF_BYTES: rowFunction(({ args: [bytes], out }, at) => {
    const element = bytes!.bytes(at);
    const list = new Uint8Array(LIST_OF_ONE + element.length);
    const data = new DataView(list.buffer);
    data.setUint32(0, 1, true);
    data.setUint8(4, 1);
    data.setUint32(5, element.length, true);
    list.set(element, LIST_OF_ONE);
    const [row] = decodeNested(list, { kind: "ARRAY", element: out.type, nullable: false });
    writeValue(out, at, row ?? null);
  }),
  /** A row as an element of a collection, for aggregates that put rows together. */
  $ROW_BYTES: rowFunction(({ args: [row], out }, at) => {
    const value = readValue(row!, at);
    if (value === null) out.setNull(at);
    else out.setBytes(at, elementBytes(value, row!.type));
  }),
  CARDINALITY: collection(
    ([values]) => list(values!).length,
    1,
    ({ args }) => isNested(args[0]!.type),
  ),
  ELEMENT: element,
  ARRAY_APPEND: collection(([values, added]) => [...list(values!), added!]),
  ARRAY_PREPEND: collection(([values, added]) => [added!, ...list(values!)]),
  ARRAY_CONTAINS: collection(([values, needle]) =>
    list(values!).some((value) => same(value, needle!)),
  ),
  ARRAY_POSITION: collection(
    ([values, needle]) => list(values!).findIndex((value) => same(value, needle!)) + 1,
    2,
  ),
  ARRAY_REMOVE: collection(([values, needle]) =>
    list(values!).filter((value) => !same(value, needle!)),
  ),
  ARRAY_REVERSE: collection(([values]) => [...list(values!)].reverse()),
  ARRAY_DISTINCT: collection(([values]) => distinct(list(values!))),
  ARRAY_SLICE: slice,
  ARRAY_SORT: sort,
  ARRAY_UNION: collection(([a, b]) => distinct([...list(a!), ...list(b!)]), 2),
  ARRAY_CONCAT: collection((arrays) => arrays.flatMap((array) => [...list(array)]), ALL, areArrays),
  ARRAY_EXCEPT: collection(([a, b]) => distinct(without(list(a!), list(b!))), 2),
  ARRAY_INTERSECT: collection(([a, b]) => {
    const kept = new Set(list(b!).map(identity));
    return distinct(list(a!).filter((value) => kept.has(identity(value))));
  }, 2),
  ARRAY_MAX: extreme(1),
  ARRAY_MIN: extreme(-1),
  ARRAY_JOIN: join,
  MAP_KEYS: collection(([map]) => entries(map!).map(([key]) => key)),
  MAP_VALUES: collection(([map]) => entries(map!).map(([, value]) => value)),
  MAP_ENTRIES: collection(([map]) => entries(map!).map(([key, value]) => [key, value])),
  MAP_UNION: collection((maps) => mapOf(maps.flatMap((map) => [...entries(map)])), ALL),
  MAP_FROM_ARRAYS: fromArrays,
  SPLIT: split,
  STR_TO_MAP: textToMap,
};
