/**
 * DataTypeParser: data types, interval qualifiers and time units.
 *
 * Flow:    token-cursor ← here ← expression-parser.
 * Shapes:  DataTypeNode of ast-types.ts. INT, DEC, NUMERIC, CHARACTER become their standard names.
 * Source:  Flink's types: Calcite's, with BYTES, STRING, TIMESTAMP_LTZ, RAW, STRUCTURED, ROW<…>,
 *          VARIANT, BITMAP.
 */
import { parseErrors } from "../parse-errors.ts";
import type {
  DataTypeNode,
  IntervalQualifier,
  IntervalUnit,
  SimpleTypeName,
  TimeUnit,
  TypeFieldNode,
} from "./ast.ts";
import { MAX_POSTFIX_TYPES } from "./limits.ts";
import { TokenCursor } from "./token-cursor.ts";

/** How a type's name may go on: a length or precision, precision and scale, nothing. */
type Shape = "none" | "length" | "decimal" | "time" | "character" | "binary" | "double";

const SIMPLE_TYPES: Readonly<Record<string, readonly [SimpleTypeName, Shape]>> = {
  BOOLEAN: ["BOOLEAN", "none"],
  TINYINT: ["TINYINT", "none"],
  SMALLINT: ["SMALLINT", "none"],
  INT: ["INTEGER", "none"],
  INTEGER: ["INTEGER", "none"],
  BIGINT: ["BIGINT", "none"],
  FLOAT: ["FLOAT", "none"],
  REAL: ["REAL", "none"],
  DOUBLE: ["DOUBLE", "double"],
  DECIMAL: ["DECIMAL", "decimal"],
  DEC: ["DECIMAL", "decimal"],
  NUMERIC: ["DECIMAL", "decimal"],
  CHAR: ["CHAR", "character"],
  CHARACTER: ["CHAR", "character"],
  VARCHAR: ["VARCHAR", "length"],
  STRING: ["STRING", "none"],
  BINARY: ["BINARY", "binary"],
  VARBINARY: ["VARBINARY", "length"],
  BYTES: ["BYTES", "none"],
  DATE: ["DATE", "none"],
  TIME: ["TIME", "time"],
  TIMESTAMP: ["TIMESTAMP", "time"],
  TIMESTAMP_LTZ: ["TIMESTAMP_LTZ", "length"],
  NULL: ["NULL", "none"],
  VARIANT: ["VARIANT", "none"],
  BITMAP: ["BITMAP", "none"],
  DESCRIPTOR: ["DESCRIPTOR", "none"],
  ANY: ["ANY", "none"],
};

const INTERVAL_UNITS: Readonly<Record<string, IntervalUnit>> = {
  YEAR: "YEAR",
  YEARS: "YEAR",
  QUARTER: "QUARTER",
  QUARTERS: "QUARTER",
  MONTH: "MONTH",
  MONTHS: "MONTH",
  WEEK: "WEEK",
  WEEKS: "WEEK",
  DAY: "DAY",
  DAYS: "DAY",
  HOUR: "HOUR",
  HOURS: "HOUR",
  MINUTE: "MINUTE",
  MINUTES: "MINUTE",
  SECOND: "SECOND",
  SECONDS: "SECOND",
};

/** Which units may end an interval that starts with the key. */
const INTERVAL_ENDS: Readonly<Partial<Record<IntervalUnit, readonly IntervalUnit[]>>> = {
  YEAR: ["MONTH"],
  DAY: ["HOUR", "MINUTE", "SECOND"],
  HOUR: ["MINUTE", "SECOND"],
  MINUTE: ["SECOND"],
};

const TIME_UNITS: ReadonlySet<string> = new Set<TimeUnit>([
  "YEAR",
  "QUARTER",
  "MONTH",
  "WEEK",
  "DAY",
  "HOUR",
  "MINUTE",
  "SECOND",
  "MILLISECOND",
  "MICROSECOND",
  "NANOSECOND",
  "DOW",
  "DOY",
  "ISODOW",
  "ISOYEAR",
  "EPOCH",
  "DECADE",
  "CENTURY",
  "MILLENNIUM",
  "DAYOFWEEK",
  "DAYOFYEAR",
]);

export class DataTypeParser extends TokenCursor {
  /** A type with its postfix ARRAY or MULTISET and its NOT NULL. */
  dataType(): DataTypeNode {
    this.enter();
    const start = this.here();
    let type = this.withNullability(this.typeName());
    for (let length = 1; this.atAny("ARRAY", "MULTISET"); length++) {
      if (length > MAX_POSTFIX_TYPES) {
        throw parseErrors.TOO_DEEP({ limit: MAX_POSTFIX_TYPES }, { at: this.here() });
      }
      const collection = this.expectOne("ARRAY", "MULTISET");
      type = this.withNullability({
        kind: "collectionType",
        collection,
        element: type,
        form: "postfix",
        nullable: true,
        span: this.spanFrom(start),
      });
    }
    this.leave();
    return type;
  }

  private withNullability(type: DataTypeNode): DataTypeNode {
    if (this.atWords("NOT", "NULL")) {
      this.pos += 2;
      return { ...type, nullable: false, span: this.spanFrom(type.span) };
    }
    // RETURNING INT NULL ON EMPTY: that NULL belongs to what follows.
    if (!this.peekIs(1, "ON")) this.accept("NULL");
    return type;
  }

  private typeName(): DataTypeNode {
    const token = this.token;
    const start = this.here();
    const base = { nullable: true } as const;
    if (token.kind === "word") {
      const simple = Object.hasOwn(SIMPLE_TYPES, token.value)
        ? SIMPLE_TYPES[token.value]
        : undefined;
      if (simple !== undefined) return this.simpleType(simple);
      if (token.value === "INTERVAL") {
        this.advance();
        const qualifier = this.intervalQualifier();
        return { kind: "intervalType", qualifier, ...base, span: this.spanFrom(start) };
      }
      const inner = this.constructedType();
      if (inner !== undefined) return inner;
    }
    if (!this.atIdentifier()) {
      for (const name of Object.keys(SIMPLE_TYPES)) this.note(name);
      for (const name of ["ARRAY", "MULTISET", "MAP", "ROW", "RAW", "INTERVAL"]) this.note(name);
      throw this.unexpected();
    }
    const name = this.compoundIdentifier();
    return { kind: "namedType", name, ...base, span: this.spanFrom(start) };
  }

  private constructedType(): DataTypeNode | undefined {
    const start = this.here();
    const next = this.tokenAhead(1);
    const angle = next.kind === "operator" && next.value.startsWith("<");
    const paren = next.kind === "operator" && next.value === "(";
    const base = { nullable: true } as const;
    const word = this.token.value;
    if ((word === "ARRAY" || word === "MULTISET") && angle) {
      this.advance();
      this.expectOp("<");
      const element = this.dataType();
      this.closeAngle();
      const span = this.spanFrom(start);
      return { kind: "collectionType", collection: word, element, form: "angle", ...base, span };
    }
    if (word === "MAP" && angle) {
      this.advance();
      this.expectOp("<");
      const key = this.dataType();
      this.expectOp(",");
      const value = this.dataType();
      this.closeAngle();
      return { kind: "mapType", key, value, ...base, span: this.spanFrom(start) };
    }
    if (word === "ROW" && (angle || paren)) {
      const fields = this.rowFields(paren);
      const form = paren ? "paren" : "angle";
      return { kind: "rowType", fields, form, ...base, span: this.spanFrom(start) };
    }
    if (word === "STRUCTURED" && angle) return this.structuredType();
    if (word === "RAW" && paren) {
      this.advance();
      this.expectOp("(");
      const className = this.stringValue();
      this.expectOp(",");
      const serializer = this.stringValue();
      this.expectOp(")");
      return { kind: "rawType", className, serializer, ...base, span: this.spanFrom(start) };
    }
    return undefined;
  }

  private structuredType(): DataTypeNode {
    const start = this.here();
    this.advance();
    this.expectOp("<");
    const className = this.stringValue();
    const fields: TypeFieldNode[] = [];
    while (this.acceptOp(",")) fields.push(this.typeField());
    this.closeAngle();
    const span = this.spanFrom(start);
    return { kind: "structuredType", className, fields, nullable: true, span };
  }

  private rowFields(paren: boolean): TypeFieldNode[] {
    this.advance();
    if (this.peekIsOp(0, "<>")) {
      this.advance();
      return [];
    }
    this.expectOp(paren ? "(" : "<");
    const empty = paren ? this.peekIsOp(0, ")") : this.peekIsOp(0, ">");
    const fields = empty ? [] : this.commaList(() => this.typeField());
    if (paren) this.expectOp(")");
    else this.closeAngle();
    return fields;
  }

  private closeAngle(): void {
    this.expectOp(">");
  }

  private typeField(): TypeFieldNode {
    const start = this.here();
    const name = this.identifierPart();
    const type = this.dataType();
    const field = { name, type, span: this.spanFrom(start) };
    if (!this.atString()) return field;
    return { ...field, comment: this.stringValue(), span: this.spanFrom(start) };
  }

  private simpleType([first, shape]: readonly [SimpleTypeName, Shape]): DataTypeNode {
    const start = this.here();
    this.advance();
    let name = first;
    let longForm = false;
    if (shape === "double") this.accept("PRECISION");
    if ((shape === "character" || shape === "binary") && this.accept("VARYING")) {
      name = shape === "character" ? "VARCHAR" : "VARBINARY";
    }
    const numbers =
      shape === "none" || shape === "double" ? [] : this.precisions(shape === "decimal");
    if (shape === "time") {
      const zone = this.timeZone();
      if (zone === "local") name = name === "TIME" ? "TIME_LTZ" : "TIMESTAMP_LTZ";
      else if (zone === "zone" && name === "TIMESTAMP") name = "TIMESTAMP_TZ";
      else if (zone === "zone") {
        throw this.unsupported("TIME WITH TIME ZONE", "Use TIME or TIMESTAMP_LTZ.", start);
      }
      longForm = zone === "local";
    }
    let charset: string | undefined;
    if ((name === "CHAR" || name === "VARCHAR") && this.acceptWords("CHARACTER", "SET")) {
      charset = this.identifierPart().name;
    }
    return {
      kind: "simpleType",
      name,
      ...(numbers[0] === undefined ? {} : { precision: numbers[0] }),
      ...(numbers[1] === undefined ? {} : { scale: numbers[1] }),
      longForm,
      ...(charset === undefined ? {} : { charset }),
      nullable: true,
      span: this.spanFrom(start),
    };
  }

  private precisions(two: boolean): number[] {
    if (!this.acceptOp("(")) return [];
    const numbers = [this.unsignedInteger()];
    if (two && this.acceptOp(",")) {
      const negative = this.acceptOp("-");
      numbers.push(negative ? -this.unsignedInteger() : this.unsignedInteger());
    }
    this.expectOp(")");
    return numbers;
  }

  private timeZone(): "none" | "local" | "zone" {
    if (this.acceptWords("WITHOUT", "TIME", "ZONE")) return "none";
    if (this.acceptWords("WITH", "LOCAL", "TIME", "ZONE")) return "local";
    return this.acceptWords("WITH", "TIME", "ZONE") ? "zone" : "none";
  }

  // --------------------------------------------------------------------------------- intervals,
  // units

  protected atIntervalUnit(): boolean {
    const { kind, value } = this.token;
    return kind === "word" && Object.hasOwn(INTERVAL_UNITS, value);
  }

  private intervalUnit(): IntervalUnit {
    if (!this.atIntervalUnit()) {
      for (const unit of Object.keys(INTERVAL_UNITS)) this.note(unit);
      throw this.unexpected();
    }
    return INTERVAL_UNITS[this.advance().value]!;
  }

  /** `DAY(3) TO SECOND(6)`, `SECOND(2, 3)`. */
  protected intervalQualifier(): IntervalQualifier {
    const start = this.intervalUnit();
    let startPrecision: number | undefined;
    let fractionPrecision: number | undefined;
    if (this.acceptOp("(")) {
      startPrecision = this.unsignedInteger();
      if (start === "SECOND" && this.acceptOp(",")) fractionPrecision = this.unsignedInteger();
      this.expectOp(")");
    }
    let end: IntervalUnit | undefined;
    const ends = INTERVAL_ENDS[start];
    if (ends !== undefined && this.at("TO") && this.endUnit(ends) !== undefined) {
      this.advance();
      end = this.intervalUnit();
      if (end === "SECOND" && this.acceptOp("(")) {
        fractionPrecision = this.unsignedInteger();
        this.expectOp(")");
      }
    }
    return {
      start,
      ...(startPrecision === undefined ? {} : { startPrecision }),
      ...(end === undefined ? {} : { end }),
      ...(fractionPrecision === undefined ? {} : { fractionPrecision }),
    };
  }

  private endUnit(ends: readonly IntervalUnit[]): IntervalUnit | undefined {
    const { kind, value } = this.tokenAhead(1);
    const unit =
      kind === "word" && Object.hasOwn(INTERVAL_UNITS, value) ? INTERVAL_UNITS[value] : undefined;
    return unit !== undefined && ends.includes(unit) ? unit : undefined;
  }

  /** A unit, also as SQL_TSI_DAY. */
  protected peekTimeUnit(): TimeUnit | undefined {
    const { kind, value } = this.token;
    if (kind !== "word") return undefined;
    const name = value.startsWith("SQL_TSI_") ? value.slice(8) : value;
    if (name === "FRAC_SECOND") return "NANOSECOND";
    return TIME_UNITS.has(name) ? (name as TimeUnit) : undefined;
  }

  protected timeUnit(): TimeUnit {
    const unit = this.peekTimeUnit();
    if (unit === undefined) {
      if (this.isName(this.token)) {
        const { name, span } = this.takePart();
        throw this.notAllowed(`'${name}' is not a valid time frame`, span);
      }
      for (const name of TIME_UNITS) this.note(name);
      throw this.unexpected();
    }
    this.advance();
    return unit;
  }
}
