/**
 * PrimaryParser: the operands of expressions: literals, names, parentheses, constructors; calls are
 *                in call-parser.ts.
 *
 * Flow:    call-parser ← here ← expression-parser.
 * Queries in parentheses: `((SELECT 1) UNION SELECT 2)` is a query, `((SELECT 1) + 2)` an
 * expression: parenContents()
 *          reads what comes first and goes on with what it turned out to be, without going back.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type { ExpressionNode, IdentifierPart, LiteralNode, QueryNode } from "./ast.ts";
import { CallParser } from "./call-parser.ts";
import { EXPRESSION, IDENTIFIER } from "./expectations.ts";
import { BARE_FUNCTIONS, RESERVED_FUNCTION_NAMES } from "./keywords.ts";
import type { Token } from "./lexer.ts";
import { MAX_NESTING_DEPTH } from "./limits.ts";

const COLLECTIONS = { ARRAY: "ARRAY", MAP: "MAP", MULTISET: "MULTISET" } as const;

export abstract class PrimaryParser extends CallParser {
  protected abstract continueExpression(left: ExpressionNode, start: Span): ExpressionNode;
  /** Set operations and ORDER BY behind a query that is already there. */
  protected abstract continueQuery(first: QueryNode, start: Span): QueryNode;
  protected abstract atQueryContinuation(): boolean;

  protected primary(): ExpressionNode {
    const token = this.token;
    switch (token.kind) {
      case "word":
        return this.wordPrimary(token);
      case "quotedName":
        return this.nameOrCall();
      case "operator":
        return this.operatorPrimary(token);
      case "error":
        throw this.lexicalError(token);
      case "eof":
        this.note(EXPRESSION);
        this.note(IDENTIFIER);
        throw this.unexpected();
      default:
        return this.literal();
    }
  }

  private operatorPrimary(token: Token): ExpressionNode {
    const start = this.here();
    if (token.value === "(") {
      this.advance();
      const found = this.parenContents();
      this.expectOp(")");
      const span = this.spanFrom(start);
      if ("query" in found) return { kind: "subquery", query: found.query, span };
      if (found.list.length === 1) return found.list[0]!;
      return { kind: "row", fields: found.list, explicit: false, span };
    }
    if (token.value === "?") {
      throw this.unsupported("a dynamic parameter '?'", "Write the value itself.");
    }
    this.note(EXPRESSION);
    this.note(IDENTIFIER);
    throw this.unexpected();
  }

  /** Between parentheses: a query, or expressions separated by commas. */
  protected parenContents(): { query: QueryNode } | { list: ExpressionNode[] } {
    if (this.atQueryStart()) return { query: this.query() };
    const start = this.here();
    if (!this.nestedQueryAhead()) return { list: this.commaList(() => this.rowItem()) };
    this.enter();
    this.advance();
    const inner = this.parenContents();
    this.expectOp(")");
    this.leave();
    if ("query" in inner) {
      if (this.atQueryContinuation()) return { query: this.continueQuery(inner.query, start) };
      if (this.peekIsOp(0, ")")) return inner;
    }
    const left = this.asExpression(inner, start);
    const list = [this.continueExpression(left, start)];
    while (this.acceptOp(",")) list.push(this.rowItem());
    return { list };
  }

  private asExpression(
    inner: { query: QueryNode } | { list: ExpressionNode[] },
    start: Span,
  ): ExpressionNode {
    const span = this.spanFrom(start);
    if ("query" in inner) return { kind: "subquery", query: inner.query, span };
    if (inner.list.length === 1) return inner.list[0]!;
    return { kind: "row", fields: inner.list, explicit: false, span };
  }

  /** DEFAULT may stand in rows of VALUES. */
  protected rowItem(): ExpressionNode {
    const span = this.here();
    if (this.peekIs(0, "DEFAULT")) {
      this.advance();
      return { kind: "default", span };
    }
    return this.expression();
  }

  protected atQueryStart(offset = 0): boolean {
    const { kind, value } = this.tokenAhead(offset);
    if (kind !== "word") return false;
    if (value === "SELECT" || value === "VALUES" || value === "WITH") return true;
    return value === "TABLE" && !this.peekIsOp(offset + 1, "(");
  }

  /** Does a query start behind the opening parentheses here? */
  protected nestedQueryAhead(): boolean {
    let offset = 0;
    while (offset <= MAX_NESTING_DEPTH && this.peekIsOp(offset, "(")) offset++;
    return offset > 0 && this.atQueryStart(offset);
  }

  private wordPrimary(token: Token): ExpressionNode {
    const literal = this.keywordLiteral(token);
    if (literal !== undefined) return literal;
    const special = this.keywordPrimary(token);
    if (special !== undefined) return special;
    const call = this.specialCall(token);
    if (call !== undefined) return call;
    if (this.isName(token)) return this.nameOrCall();
    const span = this.here();
    const parenthesis = this.peekIsOp(1, "(");
    if (parenthesis && RESERVED_FUNCTION_NAMES.has(token.value)) return this.nameOrCall();
    if (BARE_FUNCTIONS.has(token.value) && !this.peekIsOp(1, ".")) {
      const part = this.takePart();
      const name = { kind: "identifier", parts: [part], span } as const;
      if (parenthesis) return this.callOf(name);
      return { kind: "call", name, syntax: "bare", arguments: [], orderBy: [], span };
    }
    this.note(EXPRESSION);
    this.note(IDENTIFIER);
    throw this.unexpected();
  }

  private keywordPrimary(token: Token): ExpressionNode | undefined {
    const start = this.here();
    switch (token.value) {
      case "ARRAY":
      case "MAP":
      case "MULTISET":
        return this.collection(COLLECTIONS[token.value]);
      case "ROW":
        if (!this.peekIsOp(1, "(")) return undefined;
        return this.rowConstructor();
      case "PERIOD": {
        if (!this.peekIsOp(1, "(")) return undefined;
        this.advance();
        const fields = this.parenList(() => this.expression());
        return { kind: "row", fields, explicit: false, span: this.spanFrom(start) };
      }
      case "EXISTS": {
        this.advance();
        this.expectOp("(");
        const query = this.query();
        this.expectOp(")");
        return { kind: "exists", query, span: this.spanFrom(start) };
      }
      case "CASE":
        return this.caseExpression();
      case "CURSOR":
      case "UNIQUE":
        if (!this.peekIsOp(1, "(")) return undefined;
        throw this.unsupported(token.value, "Write the condition with EXISTS or COUNT.");
      default:
        return undefined;
    }
  }

  private rowConstructor(): ExpressionNode {
    const start = this.here();
    this.advance();
    this.expectOp("(");
    const fields = this.commaList(() => this.rowItem());
    this.expectOp(")");
    return { kind: "row", fields, explicit: true, span: this.spanFrom(start) };
  }

  private collection(collection: "ARRAY" | "MAP" | "MULTISET"): ExpressionNode | undefined {
    const start = this.here();
    if (this.peekIsOp(1, "[")) {
      this.pos += 2;
      const elements = this.peekIsOp(0, "]") ? [] : this.commaList(() => this.expression());
      this.expectOp("]");
      return { kind: "collection", collection, elements, span: this.spanFrom(start) };
    }
    if (!this.peekIsOp(1, "(")) return undefined;
    this.advance();
    this.expectOp("(");
    const found = this.parenContents();
    this.expectOp(")");
    const span = this.spanFrom(start);
    if ("query" in found) return { kind: "collectionQuery", collection, query: found.query, span };
    return { kind: "collection", collection, elements: found.list, span };
  }

  private caseExpression(): ExpressionNode {
    const start = this.here();
    this.advance();
    const operand = this.at("WHEN") ? undefined : this.expression();
    const branches = [];
    do {
      const from = this.here();
      this.expect("WHEN");
      const when =
        operand === undefined ? [this.expression()] : this.commaList(() => this.expression());
      this.expect("THEN");
      const then = this.expression();
      branches.push({ when, then, span: this.spanFrom(from) });
    } while (this.at("WHEN"));
    const otherwise = this.accept("ELSE") ? this.expression() : undefined;
    this.expect("END");
    return {
      kind: "case",
      ...(operand === undefined ? {} : { operand }),
      branches,
      ...(otherwise === undefined ? {} : { otherwise }),
      span: this.spanFrom(start),
    };
  }

  // -------------------------------------------------------------------------------------- names

  /** `a.b.c`, `t.*`, `cat.db.f(x)`. */
  private nameOrCall(): ExpressionNode {
    const start = this.here();
    const parts: IdentifierPart[] = [this.takePart()];
    while (this.peekIsOp(0, ".")) {
      if (this.peekIsOp(1, "*")) {
        this.pos += 2;
        return { kind: "star", qualifier: parts, span: this.spanFrom(start) };
      }
      this.advance();
      const functionName = this.peekIsOp(1, "(") && RESERVED_FUNCTION_NAMES.has(this.token.value);
      parts.push(functionName ? this.takePart() : this.identifierPart());
    }
    const name = { kind: "identifier", parts, span: this.spanFrom(start) } as const;
    if (this.peekIsOp(0, "(")) return this.callOf(name);
    this.note(".");
    this.note("(");
    return name;
  }

  // ----------------------------------------------------------------------------------- literals

  protected literal(): LiteralNode {
    const start = this.here();
    const token = this.advance();
    switch (token.kind) {
      case "integer":
      case "decimal":
        return { kind: "exactNumber", text: token.value, span: start };
      case "approximate":
        return { kind: "approximateNumber", text: token.value, span: start };
      case "binary":
        return this.binaryLiteral(token, start);
      default:
        return this.stringLiteral(token, start);
    }
  }

  private binaryLiteral(first: Token, start: Span): LiteralNode {
    let value = first.value;
    while (this.token.kind === "string") value += this.advance().value;
    if (!/^[0-9a-fA-F]*$/.test(value)) {
      throw this.literalError(
        "Binary literal string must contain only characters '0' - '9', 'A' - 'F'",
        first,
      );
    }
    if (value.length % 2 === 1) {
      throw this.literalError("Binary literal string must contain an even number of hexits", first);
    }
    return { kind: "binaryLiteral", value: value.toUpperCase(), span: this.spanFrom(start) };
  }

  private stringLiteral(first: Token, start: Span): LiteralNode {
    let value = first.kind === "unicodeString" ? this.unicodeValue(first) : first.value;
    while (this.token.kind === "string") value += this.advance().value;
    return {
      kind: "string",
      value,
      ...(first.charset === undefined ? {} : { charset: first.charset }),
      unicode: first.kind === "unicodeString",
      span: this.spanFrom(start),
    };
  }

  private keywordLiteral(token: Token): ExpressionNode | undefined {
    const span = this.here();
    switch (token.value) {
      case "TRUE":
      case "FALSE":
      case "UNKNOWN":
        this.advance();
        return {
          kind: "boolean",
          value: token.value === "UNKNOWN" ? undefined : token.value === "TRUE",
          span,
        };
      case "NULL":
        this.advance();
        return { kind: "null", span };
      case "INTERVAL":
        return this.interval();
      case "DATE":
      case "TIME":
      case "TIMESTAMP":
      case "TIMESTAMP_LTZ":
        return this.dateTimeLiteral(token.value);
      default:
        return undefined;
    }
  }

  private dateTimeLiteral(
    word: "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMP_LTZ",
  ): LiteralNode | undefined {
    const start = this.here();
    let type: "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" = word;
    let skip = 1;
    if (this.peekIs(1, "WITH")) {
      const local = this.peekIs(2, "LOCAL");
      skip = local ? 5 : 4;
      if (word === "TIMESTAMP") type = local ? "TIMESTAMP_LTZ" : "TIMESTAMP_TZ";
      else return undefined;
    }
    if (this.tokenAhead(skip).kind !== "string") return undefined;
    this.pos += skip;
    const text = this.advance().value;
    return { kind: "dateTime", type, text, span: this.spanFrom(start) };
  }

  /** A literal, or an amount that is computed. */
  private interval(): ExpressionNode {
    const start = this.here();
    this.advance();
    const sign = this.peekIsOp(0, "-") || this.peekIsOp(0, "+") ? this.advance() : undefined;
    if (this.atString()) {
      const text = this.stringValue();
      const qualifier = this.intervalQualifier();
      const negative = sign?.value === "-";
      return { kind: "interval", negative, text, qualifier, span: this.spanFrom(start) };
    }
    if (sign !== undefined) throw this.unexpected();
    const operand = this.intervalAmount();
    const qualifier = this.intervalQualifier();
    return { kind: "intervalExpression", operand, qualifier, span: this.spanFrom(start) };
  }

  private intervalAmount(): ExpressionNode {
    if (this.token.kind === "integer" || this.token.kind === "decimal") return this.literal();
    if (this.acceptOp("(")) {
      const value = this.expression();
      this.expectOp(")");
      return value;
    }
    return this.compoundIdentifier();
  }
}
