/**
 * Syntax tree → text, for names, literals and data types; see unparse.ts.
 */
import type {
  DataTypeNode,
  IdentifierNode,
  IdentifierPart,
  IntervalQualifier,
  LiteralNode,
  SimpleTypeNode,
  StringLiteralNode,
  TypeFieldNode,
} from "./ast.ts";

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

export function quoteString(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

export function unparseParts(parts: readonly IdentifierPart[]): string {
  return parts.map((p) => quoteName(p.name)).join(".");
}

export function unparseName(name: IdentifierNode): string {
  return unparseParts(name.parts);
}

/** `` (`a`, `b`) ``. */
export function unparseNames(names: readonly IdentifierPart[]): string {
  return `(${names.map((n) => quoteName(n.name)).join(", ")})`;
}

// ------------------------------------------------------------------------------------- literals

const DATE_TIME_WORDS = {
  DATE: "DATE",
  TIME: "TIME",
  TIMESTAMP: "TIMESTAMP",
  TIMESTAMP_LTZ: "TIMESTAMP WITH LOCAL TIME ZONE",
  TIMESTAMP_TZ: "TIMESTAMP WITH TIME ZONE",
} as const;

export function unparseLiteral(node: LiteralNode): string {
  switch (node.kind) {
    case "string":
      return unparseString(node);
    case "binaryLiteral":
      return `X'${node.value}'`;
    case "exactNumber":
      return node.text;
    case "approximateNumber":
      return node.text.toUpperCase();
    case "boolean":
      if (node.value === undefined) return "UNKNOWN";
      return node.value ? "TRUE" : "FALSE";
    case "null":
      return "NULL";
    case "dateTime":
      return `${DATE_TIME_WORDS[node.type]} ${quoteString(node.text)}`;
    case "interval": {
      const sign = node.negative ? "-" : "";
      return `INTERVAL ${sign}${quoteString(node.text)} ${unparseQualifier(node.qualifier)}`;
    }
  }
}

function unparseString(node: StringLiteralNode): string {
  const charset = node.charset === undefined ? "" : `_${node.charset}`;
  return charset + quoteString(node.value);
}

export function unparseQualifier(q: IntervalQualifier): string {
  const { start, startPrecision, end, fractionPrecision } = q;
  if (end === undefined) {
    const numbers = [startPrecision, fractionPrecision].filter((n) => n !== undefined);
    return numbers.length === 0 ? start : `${start}(${numbers.join(", ")})`;
  }
  const from = startPrecision === undefined ? start : `${start}(${startPrecision})`;
  return `${from} TO ${end}${fractionPrecision === undefined ? "" : `(${fractionPrecision})`}`;
}

// ---------------------------------------------------------------------------------------- types

export function unparseType(type: DataTypeNode): string {
  return unparseBareType(type) + (type.nullable ? "" : " NOT NULL");
}

function unparseBareType(type: DataTypeNode): string {
  switch (type.kind) {
    case "simpleType":
      return unparseSimpleType(type);
    case "collectionType":
      if (type.form === "postfix") return `${unparseType(type.element)} ${type.collection}`;
      return `${type.collection}< ${unparseType(type.element)} >`;
    case "mapType":
      return `MAP< ${unparseType(type.key)}, ${unparseType(type.value)} >`;
    case "rowType":
      if (type.form === "paren") return `ROW(${type.fields.map(unparseField).join(", ")})`;
      if (type.fields.length === 0) return "ROW<>";
      return `ROW< ${type.fields.map(unparseField).join(", ")} >`;
    case "structuredType": {
      const parts = [quoteString(type.className), ...type.fields.map(unparseField)];
      return `STRUCTURED< ${parts.join(", ")} >`;
    }
    case "rawType":
      return `RAW(${quoteString(type.className)}, ${quoteString(type.serializer)})`;
    case "intervalType":
      return `INTERVAL ${unparseQualifier(type.qualifier)}`;
    case "namedType":
      return unparseName(type.name);
  }
}

function unparseField(field: TypeFieldNode): string {
  const comment = field.comment === undefined ? "" : ` ${quoteString(field.comment)}`;
  return `${quoteName(field.name.name)} ${unparseType(field.type)}${comment}`;
}

function unparseSimpleType(type: SimpleTypeNode): string {
  const numbers = [type.precision, type.scale].filter((n) => n !== undefined);
  const precision = numbers.length === 0 ? "" : `(${numbers.join(", ")})`;
  const charset = type.charset === undefined ? "" : ` CHARACTER SET ${quoteName(type.charset)}`;
  if (type.name === "TIMESTAMP_TZ") return `TIMESTAMP${precision} WITH TIME ZONE`;
  if (type.longForm || type.name === "TIME_LTZ") {
    const word = type.name === "TIME_LTZ" ? "TIME" : "TIMESTAMP";
    return `${word}${precision} WITH LOCAL TIME ZONE`;
  }
  return type.name + precision + charset;
}
