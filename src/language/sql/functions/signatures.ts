/**
 * Signatures of functions as Flink's messages list them, where their arguments have names there;
 * the others' are their argument forms (function-definition.ts), each optional argument once
 * without and once with it.
 *
 * Source: Flink BuiltInFunctionDefinitions.
 */
import { plainName } from "../../../foundation/plan/user-function.ts";
import {
  type LogicalType,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { isNull } from "../validator/type-system.ts";
import type { FunctionDefinition } from "./function-definition.ts";

const TEXT = "<CHARACTER_STRING>";
const BYTES = "<BINARY_STRING>";
const ELEMENT = "array <ARRAY>, element <ARRAY ELEMENT>";
const NEEDLE = "haystack <ARRAY>, needle <ARRAY ELEMENT>";
const TWO_BITMAPS = "bitmap1 <BITMAP>, bitmap2 <BITMAP>";
const PATTERN = `str ${TEXT}, regex ${TEXT}`;

const NAMED: Readonly<Record<string, readonly string[]>> = {
  ARRAY_APPEND: [ELEMENT],
  ARRAY_PREPEND: [ELEMENT],
  ARRAY_CONTAINS: [NEEDLE],
  ARRAY_POSITION: [NEEDLE],
  ARRAY_REMOVE: [NEEDLE],
  ARRAY_SLICE: ["<ARRAY>, <INTEGER>, <INTEGER>", "<ARRAY>, <INTEGER>"],
  ARRAY_UNION: ["<COMMON>, <COMMON>"],
  ARRAY_EXCEPT: ["<COMMON>, <COMMON>"],
  ARRAY_INTERSECT: ["<COMMON>, <COMMON>"],
  ARRAY_CONCAT: ["<COMMON>, <COMMON>..."],
  BITMAP_AND_AGG: ["bitmap <BITMAP>"],
  BITMAP_AND_CARDINALITY_AGG: ["bitmap <BITMAP>"],
  BITMAP_OR_AGG: ["bitmap <BITMAP>"],
  BITMAP_OR_CARDINALITY_AGG: ["bitmap <BITMAP>"],
  BITMAP_XOR_AGG: ["bitmap <BITMAP>"],
  BITMAP_XOR_CARDINALITY_AGG: ["bitmap <BITMAP>"],
  BITMAP_BUILD_AGG: ["value <INTEGER>"],
  BITMAP_BUILD_CARDINALITY_AGG: ["value <INTEGER>"],
  PERCENTILE: ["", ", frequency <INTEGER_NUMERIC>"].map(
    (frequency) =>
      "expr <NUMERIC>, percentage [<NUMERIC NOT NULL> | ARRAY<NUMERIC NOT NULL> NOT NULL]" +
      frequency,
  ),
  BITMAP_AND: [TWO_BITMAPS],
  BITMAP_ANDNOT: [TWO_BITMAPS],
  BITMAP_OR: [TWO_BITMAPS],
  BITMAP_XOR: [TWO_BITMAPS],
  BITMAP_BUILD: ["array ARRAY<INT> NOT NULL", "array ARRAY<INT>"],
  BITMAP_CARDINALITY: ["bitmap <BITMAP>"],
  BITMAP_TO_ARRAY: ["bitmap <BITMAP>"],
  BITMAP_TO_BYTES: ["bitmap <BITMAP>"],
  BITMAP_TO_STRING: ["bitmap <BITMAP>"],
  SUM: ["<NUMERIC>"],
  UNHEX: [`expr ${TEXT}`],
  REGEXP_COUNT: [PATTERN],
  REGEXP_INSTR: [PATTERN],
  REGEXP_SUBSTR: [PATTERN],
  BTRIM: [`str ${TEXT}`, `str ${TEXT}, trimStr ${TEXT}`],
  ELT: [TEXT, BYTES].map((kind) => `index <INTEGER_NUMERIC>, expr ${kind}, exprs ${kind}...`),
  PRINTF: [`format ${TEXT}, obj <ANY>...`],
  STARTSWITH: [TEXT, BYTES].map((kind) => `expr ${kind}, startExpr ${kind}`),
  TRANSLATE: [`expr ${TEXT}, fromStr ${TEXT}, toStr ${TEXT}`],
  ENDSWITH: [TEXT, BYTES].map((kind) => `expr ${kind}, endExpr ${kind}`),
};

/** Names under which Flink keeps a function. */
const OWN_NAME: Readonly<Record<string, string>> = { TRANSLATE: "TRANSLATE3" };

/** Which signatures there are, in Flink's words. */
export function misfit(definition: FunctionDefinition, args: readonly Expression[]): string {
  const signatures = signaturesOf(definition).join("\n");
  if (takesCount(definition, args.length))
    return `Invalid input arguments. Expected signatures are:\n${signatures}`;
  const given = args.map((arg) => `<${sqlTypeName(arg.type)}>`).join(", ");
  const call = `${plainName(definition.name)}(${given})`;
  const problem = args.some((arg) => isNull(arg.type))
    ? "Illegal use of 'NULL'"
    : `Invalid number of arguments to function '${plainName(definition.name)}'`;
  return `${problem}. No match found for function signature ${call}.\nSupported signatures are:\n${signatures}`;
}

const FAMILIES: Readonly<Partial<Record<LogicalType["kind"], string>>> = {
  CHAR: "CHARACTER",
  VARCHAR: "CHARACTER",
  BINARY: "BINARY",
  VARBINARY: "BINARY",
  TINYINT: "NUMERIC",
  SMALLINT: "NUMERIC",
  INTEGER: "NUMERIC",
  BIGINT: "NUMERIC",
  FLOAT: "NUMERIC",
  DOUBLE: "NUMERIC",
  DECIMAL: "NUMERIC",
  BOOLEAN: "BOOLEAN",
  DATE: "DATE",
  TIME: "TIME",
  TIMESTAMP: "TIMESTAMP",
};

/** The family of a type, as calls of unknown functions are told: `f(<CHARACTER>, <NUMERIC>)`. */
export function familyName(type: LogicalType): string {
  return FAMILIES[type.kind] ?? sqlTypeName(type);
}

/** A type as SQL's own messages name it: INTEGER ARRAY, VARCHAR(2147483647). */
function sqlTypeName(type: LogicalType): string {
  if (type.kind === "ARRAY" || type.kind === "MULTISET")
    return `${sqlTypeName(type.element)} ${type.kind}`;
  if (type.kind === "MAP") return `(${sqlTypeName(type.key)}, ${sqlTypeName(type.value)}) MAP`;
  if (type.kind === "INTEGER") return "INTEGER";
  if (type.kind === "VARCHAR" || type.kind === "VARBINARY") return `${type.kind}(${type.length})`;
  return typeToString(withNullable(type, true));
}

/** `NAME(<A>, <B>)`, one for each number of arguments. */
export function signaturesOf({ name, forms }: FunctionDefinition): readonly string[] {
  const own = OWN_NAME[name] ?? plainName(name);
  return (NAMED[name] ?? forms.flatMap(argumentsOf)).map((args) => `${own}(${args})`);
}

/** Whether a call with so many arguments has a signature at all. */
function takesCount(definition: FunctionDefinition, count: number): boolean {
  return signaturesOf(definition).some((signature) => {
    const inner = signature.slice(signature.indexOf("(") + 1, -1);
    const least = inner === "" ? 0 : topLevelParts(inner);
    return count === least || (inner.endsWith("...") && count >= least - 1);
  });
}

/** `NAME(<A>, [<B>])` → `<A>` and `<A>, <B>`. */
function argumentsOf(form: string): string[] {
  const inner = form.slice(form.indexOf("(") + 1, -1);
  const required = inner.replaceAll(/(, )?\[[^\]]*\]/g, "");
  const optional = [...inner.matchAll(/\[([^\]]*)\]/g)].map(([, text]) => text!);
  const all = [required];
  for (const text of optional) all.push(all.at(-1) === "" ? text : `${all.at(-1)}, ${text}`);
  return all;
}

function topLevelParts(text: string): number {
  let depth = 0;
  let parts = 1;
  for (const char of text) {
    if (char === "<") depth++;
    else if (char === ">") depth--;
    else if (char === "," && depth === 0) parts++;
  }
  return parts;
}
