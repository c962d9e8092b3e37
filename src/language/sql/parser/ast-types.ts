/**
 * The syntax tree's smallest parts: names, data types, literals.
 *
 * Flow, shapes and depth: see ast.ts, which exports these types too.
 */
import type { Span } from "../../../foundation/base/errors.ts";

export interface Node {
  readonly span: Span;
}

/** One part of a dotted name. `name` has its quotes removed and its case kept. */
export interface IdentifierPart extends Node {
  readonly name: string;
  readonly quoted: boolean;
}

/** `a`, `a.b`, `cat.db.t`: one part or more. As an expression: a column, or a path into one. */
export interface IdentifierNode extends Node {
  readonly kind: "identifier";
  readonly parts: readonly IdentifierPart[];
}

// ----------------------------------------------------------------------------------- data types

/** `nullable` is true unless NOT NULL was written. */
interface DataTypeBase extends Node {
  readonly nullable: boolean;
}

export type SimpleTypeName =
  | "BOOLEAN"
  | "TINYINT"
  | "SMALLINT"
  | "INTEGER"
  | "BIGINT"
  | "FLOAT"
  | "REAL"
  | "DOUBLE"
  | "DECIMAL"
  | "CHAR"
  | "VARCHAR"
  | "STRING"
  | "BINARY"
  | "VARBINARY"
  | "BYTES"
  | "DATE"
  | "TIME"
  | "TIME_LTZ"
  | "TIMESTAMP"
  | "TIMESTAMP_LTZ"
  | "TIMESTAMP_TZ"
  | "NULL"
  | "VARIANT"
  | "BITMAP"
  | "DESCRIPTOR"
  | "ANY";

/**
 * A type without inner types. INT, DEC and NUMERIC are already INTEGER and DECIMAL; `TIMESTAMP(3)
 * WITH LOCAL TIME ZONE` is TIMESTAMP_LTZ with `longForm` true. `precision` is the length of
 * characters and bytes, too; absent = not written (the validator knows the default). `charset` is
 * what CHARACTER SET named.
 */
export interface SimpleTypeNode extends DataTypeBase {
  readonly kind: "simpleType";
  readonly name: SimpleTypeName;
  readonly precision?: number;
  readonly scale?: number;
  readonly longForm: boolean;
  readonly charset?: string;
}

/** `ARRAY<INT>`, `MULTISET<INT>`; `form` is postfix for `INT ARRAY`. */
export interface CollectionTypeNode extends DataTypeBase {
  readonly kind: "collectionType";
  readonly collection: "ARRAY" | "MULTISET";
  readonly element: DataTypeNode;
  readonly form: "angle" | "postfix";
}

export interface MapTypeNode extends DataTypeBase {
  readonly kind: "mapType";
  readonly key: DataTypeNode;
  readonly value: DataTypeNode;
}

export interface TypeFieldNode extends Node {
  readonly name: IdentifierPart;
  readonly type: DataTypeNode;
  readonly comment?: string;
}

/** `ROW<a INT, b STRING>` or `ROW(a INT, b STRING)`. */
export interface RowTypeNode extends DataTypeBase {
  readonly kind: "rowType";
  readonly fields: readonly TypeFieldNode[];
  readonly form: "angle" | "paren";
}

/** `STRUCTURED<'com.example.User', a INT NOT NULL>`. */
export interface StructuredTypeNode extends DataTypeBase {
  readonly kind: "structuredType";
  readonly className: string;
  readonly fields: readonly TypeFieldNode[];
}

/** `RAW('class', 'serializer snapshot')`. */
export interface RawTypeNode extends DataTypeBase {
  readonly kind: "rawType";
  readonly className: string;
  readonly serializer: string;
}

export interface IntervalTypeNode extends DataTypeBase {
  readonly kind: "intervalType";
  readonly qualifier: IntervalQualifier;
}

/** A registered type: `db1.MyType`. */
export interface NamedTypeNode extends DataTypeBase {
  readonly kind: "namedType";
  readonly name: IdentifierNode;
}

export type DataTypeNode =
  | SimpleTypeNode
  | CollectionTypeNode
  | MapTypeNode
  | RowTypeNode
  | StructuredTypeNode
  | RawTypeNode
  | IntervalTypeNode
  | NamedTypeNode;

// ------------------------------------------------------------------------------------- literals

/** Always singular: `INTERVAL '1' SECONDS` is SECOND. */
export type IntervalUnit =
  | "YEAR"
  | "QUARTER"
  | "MONTH"
  | "WEEK"
  | "DAY"
  | "HOUR"
  | "MINUTE"
  | "SECOND";

/** `DAY(3) TO SECOND(6)`: start with its precision, end, precision of the fractional seconds. */
export interface IntervalQualifier {
  readonly start: IntervalUnit;
  readonly startPrecision?: number;
  readonly end?: IntervalUnit;
  readonly fractionPrecision?: number;
}

/** Units of EXTRACT, FLOOR … TO, TIMESTAMPADD and so on: those of intervals and more. */
export type TimeUnit =
  | IntervalUnit
  | "MILLISECOND"
  | "MICROSECOND"
  | "NANOSECOND"
  | "DOW"
  | "DOY"
  | "ISODOW"
  | "ISOYEAR"
  | "EPOCH"
  | "DECADE"
  | "CENTURY"
  | "MILLENNIUM"
  | "DAYOFWEEK"
  | "DAYOFYEAR";

/** `value` is the text between the quotes, unescaped; adjacent literals are already one. */
export interface StringLiteralNode extends Node {
  readonly kind: "string";
  readonly value: string;
  /** `_latin1'abc'`. */
  readonly charset?: string;
  /** Written as U&'…'; `value` is decoded all the same. */
  readonly unicode: boolean;
}

/** `X'0aff'`: `value` is the hexadecimal digits in upper case, an even number of them. */
export interface BinaryLiteralNode extends Node {
  readonly kind: "binaryLiteral";
  readonly value: string;
}

/** `12`, `1.50`: exact; `text` as written, never a JavaScript number. A sign is a unary node. */
export interface ExactNumberNode extends Node {
  readonly kind: "exactNumber";
  readonly text: string;
}

/** `1e3`: approximate (DOUBLE). */
export interface ApproximateNumberNode extends Node {
  readonly kind: "approximateNumber";
  readonly text: string;
}

/** TRUE, FALSE; UNKNOWN is `value` undefined. */
export interface BooleanLiteralNode extends Node {
  readonly kind: "boolean";
  readonly value: boolean | undefined;
}

export interface NullLiteralNode extends Node {
  readonly kind: "null";
}

/**
 * `DATE '2020-01-01'`, `TIME '…'`, `TIMESTAMP '…'` (local zone with TIMESTAMP_LTZ). `text` is not
 * checked here.
 */
export interface DateTimeLiteralNode extends Node {
  readonly kind: "dateTime";
  readonly type: "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ";
  readonly text: string;
}

/** `INTERVAL -'1:30' HOUR TO MINUTE`: `negative` is the sign before the quotes. */
export interface IntervalLiteralNode extends Node {
  readonly kind: "interval";
  readonly negative: boolean;
  readonly text: string;
  readonly qualifier: IntervalQualifier;
}

export type LiteralNode =
  | StringLiteralNode
  | BinaryLiteralNode
  | ExactNumberNode
  | ApproximateNumberNode
  | BooleanLiteralNode
  | NullLiteralNode
  | DateTimeLiteralNode
  | IntervalLiteralNode;
