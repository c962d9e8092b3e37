/**
 * Data types of the syntax tree → LogicalType, with Flink's defaults and limits.
 *
 * Errors: MR2120 a length, precision or type that Flink does not have.
 */
import {
  type LogicalType,
  MAX_LENGTH,
  type RowField,
  types,
} from "../../../foundation/columnar/logical-type.ts";
import { validateErrors } from "../errors.ts";
import type { DataTypeNode, IntervalQualifier, SimpleTypeNode } from "../parser/ast.ts";

export function toLogicalType(node: DataTypeNode): LogicalType {
  const nullable = node.nullable;
  switch (node.kind) {
    case "simpleType":
      return simpleType(node);
    case "collectionType":
      return { kind: node.collection, element: toLogicalType(node.element), nullable };
    case "mapType":
      return types.map(toLogicalType(node.key), toLogicalType(node.value), nullable);
    case "rowType":
      return types.row(fieldsOf(node.fields), nullable);
    case "structuredType":
      return {
        kind: "STRUCTURED",
        className: node.className,
        fields: fieldsOf(node.fields),
        nullable,
      };
    case "rawType":
      return { kind: "RAW", className: node.className, serializer: node.serializer, nullable };
    case "intervalType":
      return intervalType(node.qualifier, nullable);
    default:
      throw validateErrors.TYPE_INVALID(
        { message: `no type is registered as ${node.name.parts.map((p) => p.name).join(".")}` },
        { at: node.span },
      );
  }
}

function fieldsOf(
  fields: readonly { name: { name: string }; type: DataTypeNode; comment?: string }[],
): RowField[] {
  return fields.map((field) => ({
    name: field.name.name,
    type: toLogicalType(field.type),
    ...(field.comment === undefined ? {} : { description: field.comment }),
  }));
}

function simpleType(node: SimpleTypeNode): LogicalType {
  const { nullable, precision } = node;
  switch (node.name) {
    case "REAL":
      return types.float(nullable);
    case "DECIMAL":
      return decimalType(node);
    case "CHAR":
    case "VARCHAR":
      return {
        kind: node.name,
        length: checkLength(node, node.name === "CHAR" ? 1 : MAX_LENGTH),
        nullable,
      };
    case "STRING":
      return types.string(nullable);
    case "BINARY":
    case "VARBINARY":
      return {
        kind: node.name,
        length: checkLength(node, node.name === "BINARY" ? 1 : MAX_LENGTH),
        nullable,
      };
    case "BYTES":
      return types.bytes(nullable);
    case "TIME":
      return types.time(checkPrecision(node, precision ?? 0), nullable);
    case "TIMESTAMP":
      return types.timestamp(checkPrecision(node, precision ?? 6), nullable);
    case "TIMESTAMP_LTZ":
      return types.timestampLtz(checkPrecision(node, precision ?? 6), nullable);
    case "NULL":
      return types.null();
    case "TIME_LTZ":
    case "TIMESTAMP_TZ":
    case "ANY":
      throw validateErrors.TYPE_INVALID(
        { message: `${node.name} is not supported` },
        { at: node.span },
      );
    default:
      return { kind: node.name, nullable };
  }
}

function decimalType(node: SimpleTypeNode): LogicalType {
  const precision = node.precision ?? 10;
  const scale = node.scale ?? 0;
  if (precision < 1 || precision > 38 || scale > precision)
    throw validateErrors.TYPE_INVALID(
      {
        message: `Decimal precision must be between 1 and 38 and scale between 0 and the precision: DECIMAL(${precision}, ${scale})`,
      },
      { at: node.span },
    );
  return types.decimal(precision, scale, node.nullable);
}

function checkLength(node: SimpleTypeNode, otherwise: number): number {
  const length = node.precision ?? otherwise;
  if (length < 1 || length > MAX_LENGTH)
    throw validateErrors.TYPE_INVALID(
      { message: `${node.name} length must be between 1 and ${MAX_LENGTH}` },
      { at: node.span },
    );
  return length;
}

function checkPrecision(node: SimpleTypeNode, precision: number): number {
  if (precision > 9)
    throw validateErrors.TYPE_INVALID(
      { message: `${node.name} precision must be between 0 and 9` },
      { at: node.span },
    );
  return precision;
}

/** INTERVAL DAY(2) TO SECOND(3) and its kin, as Flink prints them. */
export function intervalType(qualifier: IntervalQualifier, nullable: boolean): LogicalType {
  const { start, end, startPrecision, fractionPrecision } = qualifier;
  const yearMonth = start === "YEAR" || start === "MONTH" || start === "QUARTER";
  if (yearMonth) {
    const precision = `(${startPrecision ?? 2})`;
    const text =
      start === "YEAR"
        ? end === "MONTH"
          ? `INTERVAL YEAR${precision} TO MONTH`
          : `INTERVAL YEAR${precision}`
        : "INTERVAL MONTH";
    return { kind: "INTERVAL_YEAR_MONTH", qualifier: text, nullable };
  }
  const startText = start === "DAY" || start === "WEEK" ? `DAY(${startPrecision ?? 2})` : start;
  const fraction = `(${fractionPrecision ?? 3})`;
  const endText = end === undefined ? "" : ` TO ${end}${end === "SECOND" ? fraction : ""}`;
  const own = start === "SECOND" && end === undefined ? fraction : "";
  return {
    kind: "INTERVAL_DAY_TIME",
    qualifier: `INTERVAL ${startText}${own}${endText}`,
    nullable,
  };
}
