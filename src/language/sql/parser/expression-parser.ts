/**
 * ExpressionParser: operators by precedence, in a loop (Pratt); operands are in primary-parser.ts.
 *
 * Flow:    primary-parser ← here ← query-parser.
 * Shapes:  AND and OR chains become one LogicalNode; other chains are left-deep, each link a level
 *          of the tree.
 * Source:  precedences of Calcite's operators, weakest first: OR, AND, NOT, IS, comparison,
 *          BETWEEN/IN/LIKE, + and -, * / % ||, sign, [] and dot. All associate to the left.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  BinaryOperator,
  ComparisonOperator,
  ExpressionNode,
  IsNode,
  MultisetOperator,
  QueryNode,
} from "./ast.ts";
import { OPERATORS } from "./expectations.ts";
import { wordList } from "./keywords.ts";
import type { Token } from "./lexer.ts";
import { PrimaryParser } from "./primary-parser.ts";

const OR = 1;
const AND = 2;
const NOT = 3;
const IS = 4;
const COMPARISON = 5;
const RANGE = 6;
const ADDITIVE = 7;
const MULTIPLICATIVE = 8;
const SIGN = 9;

const SYMBOLS: Readonly<Record<string, readonly [BinaryOperator, number]>> = {
  "=": ["=", COMPARISON],
  "<>": ["<>", COMPARISON],
  "<": ["<", COMPARISON],
  "<=": ["<=", COMPARISON],
  ">": [">", COMPARISON],
  ">=": [">=", COMPARISON],
  "+": ["+", ADDITIVE],
  "-": ["-", ADDITIVE],
  "*": ["*", MULTIPLICATIVE],
  "/": ["/", MULTIPLICATIVE],
  "%": ["%", MULTIPLICATIVE],
  "||": ["||", MULTIPLICATIVE],
};
const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);
const WORD_OPERATORS: ReadonlySet<string> = new Set(
  wordList(`
  IS NOT BETWEEN LIKE SIMILAR IN OVERLAPS CONTAINS EQUALS PRECEDES SUCCEEDS IMMEDIATELY MULTISET
  MEMBER SUBMULTISET ILIKE RLIKE COLLATE`),
);

export abstract class ExpressionParser extends PrimaryParser {
  expression(): ExpressionNode {
    this.enter();
    const value = this.operand(OR);
    this.leave();
    return value;
  }

  protected continueExpression(left: ExpressionNode, start: Span): ExpressionNode {
    return this.operatorLoop(this.postfix(left, start), start, OR);
  }

  protected tightExpression(): ExpressionNode {
    return this.operand(ADDITIVE);
  }

  private operand(minimum: number): ExpressionNode {
    const tallest = this.height;
    this.height = 0;
    const start = this.here();
    const value = this.operatorLoop(this.prefixed(), start, minimum);
    this.height = Math.max(tallest, this.height);
    return value;
  }

  /** NOT and signs, then a primary with [] and dots. */
  private prefixed(): ExpressionNode {
    const start = this.here();
    const { kind, value } = this.token;
    if (kind === "word" && value === "NOT") {
      this.advance();
      this.enter();
      const operand = this.operand(NOT);
      this.leave();
      this.grow();
      return { kind: "unary", operator: "NOT", operand, span: this.spanFrom(start) };
    }
    if (kind === "operator" && (value === "-" || value === "+")) {
      this.advance();
      this.enter();
      const operand = this.operand(SIGN);
      this.leave();
      this.grow();
      return { kind: "unary", operator: value, operand, span: this.spanFrom(start) };
    }
    const first = this.primary();
    this.grow();
    return this.postfix(first, start);
  }

  private postfix(first: ExpressionNode, start: Span): ExpressionNode {
    let value = first;
    while (this.token.kind === "operator") {
      if (this.peekIsOp(0, "[")) {
        this.advance();
        const index = this.expression();
        this.expectOp("]");
        value = { kind: "item", operand: value, index, span: this.spanFrom(start) };
      } else if (this.peekIsOp(0, ".")) {
        this.advance();
        if (this.peekIsOp(0, "*")) {
          throw this.unsupported("the star behind an expression", "Name the fields one by one.");
        }
        const field = this.identifierPart();
        value = { kind: "fieldAccess", operand: value, field, span: this.spanFrom(start) };
      } else break;
      this.grow();
    }
    return value;
  }

  /** Operators that bind at least as tightly as `minimum`, from left to right. */
  private operatorLoop(first: ExpressionNode, start: Span, minimum: number): ExpressionNode {
    let left = first;
    let chain: { operator: "AND" | "OR"; operands: ExpressionNode[] } | undefined;
    const whole = (): ExpressionNode =>
      chain === undefined ? left : { kind: "logical", ...chain, span: this.spanFrom(start) };
    for (;;) {
      const { kind, value } = this.token;
      if (kind === "operator") {
        if (value === "!=") {
          throw this.notAllowed(
            "Bang equal '!=' is not allowed under the current SQL conformance level",
          );
        }
        const symbol = Object.hasOwn(SYMBOLS, value) ? SYMBOLS[value] : undefined;
        if (symbol === undefined || symbol[1] < minimum) break;
        left = this.symbolOperator(left, start, symbol);
        this.grow();
      } else if (kind === "word" && (value === "AND" || value === "OR")) {
        const level = value === "AND" ? AND : OR;
        if (level < minimum) break;
        if (chain?.operator !== value) {
          chain = { operator: value, operands: [whole()] };
          this.grow();
        }
        this.advance();
        chain.operands.push(this.operand(level + 1));
      } else if (kind === "word" && WORD_OPERATORS.has(value)) {
        const next = this.wordOperator(left, start, minimum, this.token);
        if (next === undefined) break;
        left = next;
        this.grow();
      } else break;
    }
    this.note(OPERATORS);
    return whole();
  }

  private symbolOperator(
    left: ExpressionNode,
    start: Span,
    [operator, level]: readonly [BinaryOperator, number],
  ): ExpressionNode {
    this.advance();
    if (COMPARISONS.has(operator) && this.atQuantifier()) {
      const quantifier = this.advance().value === "ALL" ? "ALL" : "SOME";
      const right = this.inList();
      const span = this.spanFrom(start);
      const comparison = operator as ComparisonOperator;
      return {
        kind: "quantified",
        operand: left,
        operator: comparison,
        quantifier,
        ...right,
        span,
      };
    }
    const right = this.operand(level + 1);
    return { kind: "binary", operator, left, right, span: this.spanFrom(start) };
  }

  private atQuantifier(): boolean {
    const { kind, value } = this.token;
    if (kind !== "word" || !this.peekIsOp(1, "(")) return false;
    return value === "ALL" || value === "ANY" || value === "SOME";
  }

  /** An operator that is a word; undefined if it binds too weakly here, or is none here. */
  private wordOperator(
    left: ExpressionNode,
    start: Span,
    minimum: number,
    token: Token,
  ): ExpressionNode | undefined {
    switch (token.value) {
      case "IS":
        return this.isOperator(left, start, minimum);
      case "NOT":
        return RANGE < minimum ? undefined : this.negated(left, start);
      case "BETWEEN":
      case "LIKE":
      case "SIMILAR":
      case "IN":
        return RANGE < minimum ? undefined : this.rangeOperator(left, start, false);
      case "ILIKE":
      case "RLIKE":
        throw this.unsupported(
          `the operator ${token.value}`,
          token.value === "ILIKE" ? "Use LOWER(a) LIKE LOWER(b)." : "Use REGEXP(a, b).",
        );
      case "COLLATE":
        throw this.unsupported("COLLATE", "Strings are compared by their code points.");
      case "OVERLAPS":
      case "CONTAINS":
      case "EQUALS":
      case "PRECEDES":
      case "SUCCEEDS":
        return COMPARISON < minimum ? undefined : this.periodOperator(left, start);
      case "IMMEDIATELY":
        if (!this.peekIs(1, "PRECEDES") && !this.peekIs(1, "SUCCEEDS")) return undefined;
        return COMPARISON < minimum ? undefined : this.periodOperator(left, start);
      case "MULTISET":
      case "MEMBER":
      case "SUBMULTISET":
        return COMPARISON < minimum ? undefined : this.multisetOperator(left, start, false);
      default:
        return undefined;
    }
  }

  private periodOperator(left: ExpressionNode, start: Span): ExpressionNode {
    let operator = this.advance().value;
    if (operator === "IMMEDIATELY") operator += ` ${this.expectOne("PRECEDES", "SUCCEEDS")}`;
    const right = this.operand(COMPARISON + 1);
    const span = this.spanFrom(start);
    return { kind: "binary", operator: operator as BinaryOperator, left, right, span };
  }

  private multisetOperator(left: ExpressionNode, start: Span, negated: boolean): ExpressionNode {
    const first = this.advance().value;
    let operator = negated ? `NOT ${first}` : first;
    if (first === "MULTISET") {
      operator += ` ${this.expectOne("UNION", "INTERSECT", "EXCEPT")}`;
      const quantifier = this.acceptOne("ALL", "DISTINCT");
      if (quantifier !== undefined) operator += ` ${quantifier}`;
    } else {
      this.accept("OF");
      operator += " OF";
    }
    const right = this.operand(COMPARISON + 1);
    const span = this.spanFrom(start);
    return { kind: "binary", operator: operator as MultisetOperator, left, right, span };
  }

  private negated(left: ExpressionNode, start: Span): ExpressionNode | undefined {
    const next = this.tokenAhead(1);
    if (next.kind !== "word") return undefined;
    if (next.value === "MEMBER" || next.value === "SUBMULTISET") {
      this.advance();
      return this.multisetOperator(left, start, true);
    }
    if (!["BETWEEN", "LIKE", "SIMILAR", "IN"].includes(next.value)) return undefined;
    this.advance();
    return this.rangeOperator(left, start, true);
  }

  private rangeOperator(operand: ExpressionNode, start: Span, negated: boolean): ExpressionNode {
    const word = this.advance().value;
    if (word === "IN") {
      const right = this.inList();
      return { kind: "in", operand, negated, ...right, span: this.spanFrom(start) };
    }
    if (word === "BETWEEN") {
      const symmetric = this.acceptOne("SYMMETRIC", "ASYMMETRIC") === "SYMMETRIC";
      const low = this.operand(RANGE + 1);
      this.expect("AND");
      const high = this.operand(RANGE + 1);
      const span = this.spanFrom(start);
      return { kind: "between", operand, symmetric, negated, low, high, span };
    }
    if (word === "SIMILAR") this.expect("TO");
    const operator = word === "SIMILAR" ? "SIMILAR TO" : "LIKE";
    const pattern = this.operand(RANGE + 1);
    const escapeCharacter = this.accept("ESCAPE") ? this.operand(RANGE + 1) : undefined;
    const node = { kind: "like", operator, operand, pattern, negated } as const;
    const span = this.spanFrom(start);
    if (escapeCharacter === undefined) return { ...node, span };
    return { ...node, escape: escapeCharacter, span };
  }

  /** `(1, 2)` or `(SELECT …)`. */
  private inList(): { list: readonly ExpressionNode[] } | { query: QueryNode } {
    this.expectOp("(");
    const found = this.parenContents();
    this.expectOp(")");
    return "query" in found ? { query: found.query } : { list: found.list };
  }

  private isOperator(
    operand: ExpressionNode,
    start: Span,
    minimum: number,
  ): ExpressionNode | undefined {
    const offset = this.peekIs(1, "NOT") ? 2 : 1;
    const negated = offset === 2;
    const distinct = this.peekIs(offset, "DISTINCT");
    if ((distinct ? COMPARISON : IS) < minimum) return undefined;
    this.pos += offset;
    if (this.accept("DISTINCT")) {
      this.expect("FROM");
      const right = this.operand(COMPARISON + 1);
      const operator = negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
      return { kind: "binary", operator, left: operand, right, span: this.spanFrom(start) };
    }
    if (this.accept("JSON")) {
      const item = this.acceptOne("VALUE", "OBJECT", "ARRAY", "SCALAR") ?? "VALUE";
      return { kind: "isJson", operand, item, negated, span: this.spanFrom(start) };
    }
    return { kind: "is", operand, test: this.isTest(), negated, span: this.spanFrom(start) };
  }

  private isTest(): IsNode["test"] {
    const word = this.acceptOne("NULL", "TRUE", "FALSE", "UNKNOWN", "EMPTY");
    if (word !== undefined) return word;
    this.expect("A", "SET");
    return "A SET";
  }
}
