/**
 * Built-in functions of conditions, collections, JSON, VARIANT, BITMAP and values.
 *
 * Source: Flink BuiltInFunctionDefinitions; checked against the types of scalar.jsonl.
 */
import {
  type LogicalType,
  type RowField,
  typeEquals,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  canCastImplicitly,
  comparisonType,
  isCharacter,
  isDatetime,
  isNull,
  isNumeric,
  type ApproximateRule,
  leastRestrictive,
} from "../validator/type-system.ts";
import {
  type Binding,
  type FunctionDefinition,
  anyNullable,
  fn,
  ifArgs,
  notNull,
  nullableOf,
  sameAs,
} from "./function-definition.ts";

const STRING = ifArgs(types.string);
const BITMAP = ifArgs((nullable) => ({ kind: "BITMAP", nullable }));

/** A function whose binding does not fit the argument forms. */
function special(
  name: string,
  form: string,
  bind: (args: readonly Expression[]) => Binding | undefined,
): FunctionDefinition {
  return { name, category: "scalar", forms: [`${name}(${form})`], deterministic: true, bind };
}

/** All arguments take one type; `result` sees it. */
function commonArgs(
  args: readonly Expression[],
  indexes: readonly number[],
  rule: ApproximateRule = "widest",
): { type: LogicalType; casts: (LogicalType | undefined)[] } | undefined {
  const type = leastRestrictive(
    indexes.map((i) => args[i]!.type),
    rule,
  );
  if (type === undefined) return undefined;
  const casts: (LogicalType | undefined)[] = args.map(() => undefined);
  for (const i of indexes)
    if (!typeEquals(args[i]!.type, type, { ignoreNullability: true }))
      casts[i] = withNullable(type, args[i]!.type.nullable);
  return { type, casts };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const greatest = (name: string): FunctionDefinition =>
  special(name, "<COMPARABLE>...", (args) => {
    if (args.length === 0) return undefined;
    const bound = commonArgs(args, range(0, args.length));
    if (bound === undefined) return undefined;
    const nullable = args.some((arg) => arg.type.nullable);
    return { type: withNullable(bound.type, nullable), casts: bound.casts };
  });

const conditional: readonly FunctionDefinition[] = [
  special("COALESCE", "<COMMON>...", (args) => {
    if (args.length === 0) return undefined;
    const bound = commonArgs(args, range(0, args.length));
    if (bound === undefined) return undefined;
    const nullable = args.every((arg) => arg.type.nullable);
    return { type: withNullable(bound.type, nullable), casts: bound.casts };
  }),
  special("IFNULL", "<COMMON>, <COMMON>", (args) => {
    if (args.length !== 2) return undefined;
    const bound = commonArgs(args, [0, 1]);
    if (bound === undefined) return undefined;
    const nullable = args[0]!.type.nullable && args[1]!.type.nullable;
    return { type: withNullable(bound.type, nullable), casts: bound.casts };
  }),
  special("IF", "<BOOLEAN>, <COMMON>, <COMMON>", (args) => {
    if (args.length !== 3 || !["BOOLEAN", "NULL"].includes(args[0]!.type.kind)) return undefined;
    const bound = commonArgs(args, [1, 2], "first");
    return bound && { type: bound.type, casts: bound.casts };
  }),
  special("NULLIF", "<COMPARABLE>, <COMPARABLE>", (args) => {
    if (args.length !== 2) return undefined;
    const type = comparisonType(args[0]!.type, args[1]!.type);
    if (type === undefined) return undefined;
    return { type: withNullable(args[0]!.type, true) };
  }),
  greatest("GREATEST"),
  greatest("LEAST"),
  fn("TYPEOF", ["ANY BOOL?"], nullableOf(types.string)),
  fn("CURRENT_DATABASE", [""], notNull(types.string)),
];

const elementOf = (type: LogicalType): LogicalType =>
  type.kind === "ARRAY" || type.kind === "MULTISET" ? type.element : types.null();

/** (array, element): the element converts to the array's type, or widens it. */
function withElement(
  name: string,
  result: (array: LogicalType, element: LogicalType, nullable: boolean) => LogicalType,
  widen: boolean,
): FunctionDefinition {
  return special(name, "<ARRAY>, <ARRAY ELEMENT>", (args) => {
    const [array, element] = args;
    if (args.length !== 2 || array!.type.kind !== "ARRAY") return undefined;
    const own = elementOf(array!.type);
    const merged = leastRestrictive([own, element!.type]);
    if (merged === undefined) return undefined;
    if (!isNull(own) && !canCastImplicitly(element!.type, own)) return undefined;
    const nullable = widen ? array!.type.nullable : args.some((arg) => arg.type.nullable);
    const to = isNull(own) ? merged : own;
    const target = withNullable(to, to.nullable || element!.type.nullable);
    const cast = typeEquals(element!.type, target, { ignoreNullability: true })
      ? undefined
      : target;
    return {
      type: result(array!.type, target, nullable),
      casts: [undefined, cast && withNullable(cast, element!.type.nullable)],
    };
  });
}

const arrayOf = (_: LogicalType, element: LogicalType, nullable: boolean): LogicalType =>
  types.array(element, nullable);

const sortable = (type: LogicalType): boolean =>
  isNumeric(type) || isCharacter(type) || isDatetime(type);
const arrayExtreme = (name: string) =>
  special(name, "<ARRAY>", (args) => {
    const type = args[0]?.type;
    if (args.length !== 1 || type?.kind !== "ARRAY" || !sortable(type.element)) return undefined;
    return { type: withNullable(type.element, true) };
  });
const arrays = (name: string, minimum: number, repeated: boolean) =>
  special(name, "<COMMON>, <COMMON>", (args) => {
    if (args.length < minimum || (!repeated && args.length > minimum)) return undefined;
    if (args.some((arg) => arg.type.kind !== "ARRAY" && !isNull(arg.type))) return undefined;
    const bound = commonArgs(args, range(0, args.length));
    return bound && { type: bound.type, casts: bound.casts };
  });

const collections: readonly FunctionDefinition[] = [
  fn("CARDINALITY", ["ARR", "MAP"], ifArgs(types.int)),
  special("ELEMENT", "<ARRAY>", (args) =>
    args.length === 1 && ["ARRAY", "MULTISET"].includes(args[0]!.type.kind)
      ? { type: withNullable(elementOf(args[0]!.type), true) }
      : undefined,
  ),
  withElement("ARRAY_APPEND", arrayOf, true),
  withElement("ARRAY_PREPEND", arrayOf, true),
  withElement("ARRAY_CONTAINS", (array) => types.boolean(array.nullable), true),
  withElement("ARRAY_POSITION", (_a, _e, nullable) => types.int(nullable), false),
  withElement("ARRAY_REMOVE", (array) => array, true),
  fn("ARRAY_DISTINCT", ["ARR"], sameAs(0)),
  fn("ARRAY_REVERSE", ["ARR"], sameAs(0)),
  fn("ARRAY_SLICE", ["ARR I I?"], sameAs(0)),
  fn("ARRAY_SORT", ["ARR BOOL? BOOL?"], sameAs(0)),
  arrays("ARRAY_UNION", 2, false),
  arrays("ARRAY_CONCAT", 1, true),
  arrays("ARRAY_EXCEPT", 2, false),
  arrays("ARRAY_INTERSECT", 2, false),
  arrayExtreme("ARRAY_MAX"),
  arrayExtreme("ARRAY_MIN"),
  fn("ARRAY_JOIN", ["AS S S?"], STRING),
  fn("MAP_KEYS", ["MAP"], (args) =>
    args[0]!.kind === "MAP" ? types.array(args[0]!.key, args[0]!.nullable) : undefined,
  ),
  fn("MAP_VALUES", ["MAP"], (args) =>
    args[0]!.kind === "MAP" ? types.array(args[0]!.value, args[0]!.nullable) : undefined,
  ),
  fn("MAP_ENTRIES", ["MAP"], (args) => {
    const map = args[0]!;
    if (map.kind !== "MAP") return undefined;
    const fields = [
      { name: "key", type: map.key },
      { name: "value", type: map.value },
    ];
    return types.array(types.row(fields), map.nullable);
  }),
  fn("MAP_FROM_ARRAYS", ["ARR ARR"], (args) =>
    types.map(elementOf(args[0]!), elementOf(args[1]!), anyNullable(args)),
  ),
  special("MAP_UNION", "<COMMON>, <COMMON>...", (args) => {
    if (args.length === 0 || args.some((a) => a.type.kind !== "MAP" && !isNull(a.type)))
      return undefined;
    const bound = commonArgs(args, range(0, args.length));
    return bound && { type: bound.type, casts: bound.casts };
  }),
  fn(
    "SPLIT",
    ["S S"],
    ifArgs((n) => types.array(types.string(), n)),
  ),
];

const JSON_BEHAVIOUR = "S S ANY*";
const json: readonly FunctionDefinition[] = [
  fn("IS_JSON", ["S S"], (args) => types.boolean(args[0]!.nullable)),
  fn("JSON_EXISTS", [JSON_BEHAVIOUR], (args) => types.boolean(args[0]!.nullable)),
  fn("JSON_STRING", ["ANY"], STRING),
  fn("JSON", ["S"], STRING),
  fn("JSON_OBJECT", ["ANY*"], notNull(types.string)),
  fn("JSON_ARRAY", ["ANY*"], notNull(types.string)),
  fn(
    "PARSE_JSON",
    ["S BOOL?"],
    ifArgs((nullable) => ({ kind: "VARIANT", nullable })),
  ),
  fn(
    "TRY_PARSE_JSON",
    ["S BOOL?"],
    nullableOf((nullable) => ({ kind: "VARIANT", nullable })),
  ),
];

const bitmaps: readonly FunctionDefinition[] = [
  ...["BITMAP_AND", "BITMAP_ANDNOT", "BITMAP_OR", "BITMAP_XOR"].map((name) =>
    fn(name, ["BMP BMP"], BITMAP),
  ),
  fn("BITMAP_BUILD", ["AI"], BITMAP),
  fn("BITMAP_CARDINALITY", ["BMP"], ifArgs(types.bigint)),
  fn("BITMAP_FROM_BYTES", ["B"], BITMAP),
  fn(
    "BITMAP_TO_ARRAY",
    ["BMP"],
    ifArgs((n) => types.array(types.int(), n)),
  ),
  fn("BITMAP_TO_BYTES", ["BMP"], ifArgs(types.bytes)),
  fn("BITMAP_TO_STRING", ["BMP"], STRING),
];

const literalText = (expression: Expression | undefined): string | undefined =>
  expression?.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;

function objectOf(args: readonly Expression[]): Binding | undefined {
  const className = literalText(args[0]);
  if (className === undefined || args.length % 2 === 0) return undefined;
  const fields: RowField[] = [];
  for (let i = 1; i < args.length; i += 2) {
    const name = literalText(args[i]);
    if (name === undefined || fields.some((field) => field.name === name)) return undefined;
    fields.push({ name, type: args[i + 1]!.type });
  }
  return { type: { kind: "STRUCTURED", className, fields, nullable: true } };
}

function objectUpdate(args: readonly Expression[]): Binding | undefined {
  const object = args[0]?.type;
  if (object?.kind !== "STRUCTURED" || args.length < 3 || args.length % 2 === 0) return undefined;
  const fields = [...object.fields];
  for (let i = 1; i < args.length; i += 2) {
    const name = literalText(args[i]);
    const index = fields.findIndex((field) => field.name === name);
    if (index < 0) return undefined;
    fields[index] = { name: fields[index]!.name, type: args[i + 1]!.type };
  }
  return { type: { ...object, fields } };
}

/** Places count from 1; keys are at the even ones. */
function misnamedKey(args: readonly Expression[]): string | undefined {
  const at = args.findIndex((arg, i) => i % 2 === 1 && literalText(arg) === undefined);
  return at < 0
    ? undefined
    : `The field key at position ${at + 1} must be a non-nullable character string literal.`;
}

function unknownKey(args: readonly Expression[]): string | undefined {
  const object = args[0]?.type;
  if (object?.kind !== "STRUCTURED") return undefined;
  const names = object.fields.map(({ name }) => name);
  const at = args.findIndex((arg, i) => i % 2 === 1 && !names.includes(literalText(arg) ?? ""));
  if (at < 0) return undefined;
  const name = literalText(args[at]);
  return (
    `The field name '${name}' at position ${at + 1} is not part of the structured type attributes. ` +
    `Available attributes: [${names.join(", ")}].`
  );
}

const values: readonly FunctionDefinition[] = [
  {
    ...special("OBJECT_OF", "<className>, <key>, <value>, ...", objectOf),
    explain: (args) =>
      args.length > 0 && literalText(args[0]) === undefined
        ? "The first argument must be a non-nullable character string literal representing the class name."
        : misnamedKey(args),
  },
  {
    ...special("OBJECT_UPDATE", "<object>, <key>, <value>, ...", objectUpdate),
    explain: (args) => misnamedKey(args) ?? unknownKey(args),
  },
];

export const collectionFunctions: readonly FunctionDefinition[] = [
  ...conditional,
  ...collections,
  ...json,
  ...bitmaps,
  ...values,
];
