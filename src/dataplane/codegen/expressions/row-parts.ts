/**
 * ROW expressions taken apart: a ROW has no value of its own (schema.ts), so whatever yields one is rewritten into one
 * expression that says whether it is there, and one for each field.
 *
 * Errors:  FUNCTION_UNSUPPORTED for a function that yields ROWs and is not known here.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  type LogicalType,
  type RowField,
  types,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import {
  type Call,
  call,
  type Expression,
  literal,
  type LiteralValue,
} from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";

const BOOLEAN = types.boolean(false);
const TRUE = literal(true, BOOLEAN);
const FALSE = literal(false, BOOLEAN);

export function isRow(type: LogicalType): boolean {
  return type.kind === "ROW" || type.kind === "STRUCTURED";
}

export function rowFields(type: LogicalType): readonly RowField[] {
  assert(type.kind === "ROW" || type.kind === "STRUCTURED", `${type.kind} is no ROW`);
  return type.fields;
}

/** BOOLEAN NOT NULL: whether the ROW is not NULL. */
export function rowPresent(row: Expression): Expression {
  switch (row.kind) {
    case "input":
    case "field":
      return call("IS_NOT_NULL", [row], BOOLEAN);
    case "literal":
      return row.value === null ? FALSE : TRUE;
    case "call":
      break;
  }
  switch (row.function) {
    case "ROW":
    case "OBJECT_OF":
      return TRUE;
    case "OBJECT_UPDATE":
      return rowPresent(row.args[0]!);
    case "CAST":
    case "TRY_CAST":
    case "REINTERPRET":
      return rowPresent(row.args[0]!);
    case "COALESCE":
      return call("OR", row.args.map(rowPresent), BOOLEAN);
    case "CASE":
    case "IF":
      return mapBranches(row, BOOLEAN, rowPresent);
    default:
      throw unsupported(row);
  }
}

/** Field `index` of a ROW; NULL when the ROW is. */
export function rowField(row: Expression, index: number): Expression {
  const field = rowFields(row.type)[index]!;
  const type = row.type.nullable ? withNullable(field.type, true) : field.type;
  switch (row.kind) {
    case "input":
    case "field":
      return { kind: "field", input: row, index, type };
    case "literal":
      return literal(
        row.value === null ? null : ((row.value as readonly LiteralValue[])[index] ?? null),
        type,
      );
    case "call":
      break;
  }
  const pick = (part: Expression) => rowField(part, index);
  switch (row.function) {
    case "ROW":
      return row.args[index]!;
    case "OBJECT_OF":
      return row.args[index * 2 + 2]!;
    case "OBJECT_UPDATE":
      return updatedField(row, index, field.name);
    case "CAST":
    case "TRY_CAST":
      return call(row.function, [pick(row.args[0]!)], type);
    case "REINTERPRET":
      return pick(row.args[0]!);
    case "COALESCE":
      return call(
        "CASE",
        row.args.flatMap((arg, i) =>
          i === row.args.length - 1 ? [pick(arg)] : [rowPresent(arg), pick(arg)],
        ),
        type,
      );
    case "CASE":
    case "IF":
      return mapBranches(row, type, pick);
    default:
      throw unsupported(row);
  }
}

/** OBJECT_UPDATE(object, name, value, …): NULL stays NULL, the last value of a name counts. */
function updatedField(row: Call, index: number, name: string): Expression {
  const [object, ...pairs] = row.args as readonly [Expression, ...Expression[]];
  const at = pairs.findLastIndex(
    (arg, i) => i % 2 === 0 && arg.kind === "literal" && arg.value === name,
  );
  const value = pairs[at + 1];
  if (at < 0 || value === undefined) return rowField(object, index);
  if (!object.type.nullable || isRow(value.type)) return value;
  const type = withNullable(value.type, true);
  return call("CASE", [rowPresent(object), value, literal(null, type)], type);
}

function mapBranches(
  row: Call,
  type: LogicalType,
  map: (branch: Expression) => Expression,
): Expression {
  const last = row.args.length - 1;
  const args = row.args.map((arg, i) => (i === last || i % 2 === 1 ? map(arg) : arg));
  return call("CASE", args, type);
}

function unsupported(row: Call) {
  return codegenErrors.FUNCTION_UNSUPPORTED({
    function: row.function,
    types: row.args.map(({ type }) => typeToString(type)).join(", "),
  });
}
