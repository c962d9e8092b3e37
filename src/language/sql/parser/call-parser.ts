/**
 * CallParser: function calls, the functions with a syntax of their own, and windows of OVER; JSON
 *             is in json-parser.ts.
 *
 * Flow:    json-parser ← here ← primary-parser.
 * Shapes:  SUBSTRING, POSITION and OVERLAY become ordinary calls with `syntax: "keyword"`.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  ArgumentNode,
  CallSuffix,
  ExpressionNode,
  FunctionCallNode,
  IdentifierNode,
  IdentifierPart,
  OrderItemNode,
  TableArgumentNode,
  WindowBound,
  WindowFrame,
  WindowSpecNode,
} from "./ast.ts";
import { JsonParser } from "./json-parser.ts";
import { wordList } from "./keywords.ts";
import type { Token } from "./lexer.ts";

export abstract class CallParser extends JsonParser {
  /** The call of a function whose name was just read. */
  protected callOf(name: IdentifierNode): FunctionCallNode {
    this.expectOp("(");
    const base = { kind: "call", name, syntax: "call" } as const;
    if (this.acceptOp(")")) return this.withSuffix({ ...base, arguments: [], orderBy: [] }, name);
    const star = this.here();
    if (this.acceptOp("*")) {
      this.expectOp(")");
      const value = { kind: "star", qualifier: [], span: star } as const;
      const call = { ...base, arguments: [{ value, span: star }], orderBy: [] };
      return this.withSuffix(call, name);
    }
    const quantifier = this.acceptOne("DISTINCT", "ALL");
    const args = this.commaList(() => this.argument());
    const inner = this.nullTreatment();
    const orderBy = this.at("ORDER") ? this.orderBy() : [];
    this.expectOp(")");
    const call = { ...base, ...(quantifier === undefined ? {} : { quantifier }), ...inner };
    return this.withSuffix({ ...call, arguments: args, orderBy }, name);
  }

  private withSuffix(call: Omit<FunctionCallNode, "span">, name: IdentifierNode): FunctionCallNode {
    const suffix = this.callSuffix();
    return { ...call, ...suffix, span: this.spanFrom(name.span) };
  }

  /** IGNORE NULLS, WITHIN GROUP, FILTER, OVER. */
  protected callSuffix(): CallSuffix {
    const { kind, value } = this.token;
    if (kind !== "word" || !SUFFIX_WORDS.has(value)) {
      this.note("FILTER");
      this.note("OVER");
      return {};
    }
    const nulls = this.nullTreatment();
    const withinGroup = this.acceptWords("WITHIN", "GROUP")
      ? this.parenthesised(() => this.orderBy())
      : undefined;
    const filter = this.acceptFilter();
    const over = this.accept("OVER") ? this.overWindow() : undefined;
    return {
      ...nulls,
      ...(withinGroup === undefined ? {} : { withinGroup }),
      ...(filter === undefined ? {} : { filter }),
      ...(over === undefined ? {} : { over }),
    };
  }

  private acceptFilter(): ExpressionNode | undefined {
    if (!this.peekIsOp(1, "(") || !this.accept("FILTER")) return undefined;
    return this.parenthesised(() => {
      this.expect("WHERE");
      return this.expression();
    });
  }

  private nullTreatment(): CallSuffix {
    if (!this.peekIs(1, "NULLS")) return {};
    const word = this.acceptOne("IGNORE", "RESPECT");
    if (word === undefined) return {};
    this.expect("NULLS");
    return { nullTreatment: `${word} NULLS` };
  }

  protected parenthesised<T>(inside: () => T): T {
    this.expectOp("(");
    const value = inside();
    this.expectOp(")");
    return value;
  }

  // ---------------------------------------------------------------------------------- arguments

  protected argument(): ArgumentNode {
    const start = this.here();
    let name: IdentifierPart | undefined;
    if (
      this.peekIsOp(1, "=>") &&
      (this.token.kind === "word" || this.token.kind === "quotedName")
    ) {
      name = this.takePart();
      this.advance();
    }
    const value = this.argumentValue();
    const span = this.spanFrom(start);
    return name === undefined ? { value, span } : { name, value, span };
  }

  private argumentValue(): ExpressionNode {
    const start = this.here();
    if (this.peekIs(0, "DEFAULT")) {
      this.advance();
      return { kind: "default", span: start };
    }
    if (this.peekIs(0, "TABLE")) return this.tableArgument();
    const model =
      this.peekIsOp(0, "(") && this.peekIs(1, "MODEL") && this.isName(this.tokenAhead(2));
    if (model) return this.parenthesised(() => this.argumentValue());
    if (this.peekIs(0, "MODEL") && this.isName(this.tokenAhead(1))) {
      this.advance();
      const name = this.compoundIdentifier();
      return { kind: "modelArgument", name, span: this.spanFrom(start) };
    }
    const value = this.expression();
    if (value.kind !== "subquery" || !this.atAny("PARTITION", "ORDER")) return value;
    if (!this.peekIs(1, "BY")) return value;
    return { kind: "tableArgument", query: value.query, ...this.tableSemantics(start) };
  }

  private tableArgument(): TableArgumentNode {
    const start = this.here();
    this.expect("TABLE");
    if (this.peekIsOp(0, "(")) {
      const query = this.parenthesised(() => this.query());
      return { kind: "tableArgument", query, ...this.tableSemantics(start) };
    }
    const name = this.compoundIdentifier();
    const query = { kind: "tableQuery", name, span: this.spanFrom(start) } as const;
    return { kind: "tableArgument", query, ...this.tableSemantics(start) };
  }

  /** PARTITION BY and ORDER BY take one item, or several in parentheses. */
  private tableSemantics(start: Span): Omit<TableArgumentNode, "kind" | "query"> {
    let partitionBy: ExpressionNode[] = [];
    let orderBy: OrderItemNode[] = [];
    if (this.acceptWords("PARTITION", "BY")) {
      const value = this.expression();
      const list = value.kind === "row" && !value.explicit;
      partitionBy = list ? [...value.fields] : [value];
    }
    if (this.acceptWords("ORDER", "BY")) {
      if (this.peekIsOp(0, "(")) orderBy = this.parenList(() => this.orderItem());
      else orderBy = [this.orderItem()];
    }
    return { partitionBy, orderBy, span: this.spanFrom(start) };
  }

  // ------------------------------------------------------------------------------------ special
  // functions

  /** A function with a syntax of its own, or undefined. */
  protected specialCall(token: Token): ExpressionNode | undefined {
    const name = token.value;
    const special = SPECIAL_CALLS.has(name) || name.startsWith("JSON_");
    if (!special) return undefined;
    if (name === "FINAL" || name === "RUNNING") return this.matchMode(name);
    if (!this.peekIsOp(1, "(")) return undefined;
    switch (name) {
      case "CAST":
      case "TRY_CAST":
        return this.cast(name);
      case "EXTRACT":
        return this.extract();
      case "FLOOR":
      case "CEIL":
      case "CEILING":
        return this.floorCeil();
      case "TRIM":
        return this.trim();
      case "SUBSTRING":
        return this.keywordCall("FROM", "FOR");
      case "OVERLAY":
        return this.keywordCall("PLACING", "FROM", "FOR");
      case "POSITION":
        return this.position();
      case "TIMESTAMPADD":
      case "TIMESTAMPDIFF":
        return this.timeUnitCall();
      case "DESCRIPTOR":
        return this.descriptor();
      default:
        return this.jsonCall(name);
    }
  }

  private matchMode(mode: "FINAL" | "RUNNING"): ExpressionNode | undefined {
    const next = this.tokenAhead(1);
    if (next.kind !== "word" || !this.peekIsOp(2, "(")) return undefined;
    const start = this.here();
    this.advance();
    const operand = this.primary();
    return { kind: "matchMode", mode, operand, span: this.spanFrom(start) };
  }

  private functionName(): IdentifierNode {
    const part = this.takePart();
    return { kind: "identifier", parts: [part], span: part.span };
  }

  private cast(name: "CAST" | "TRY_CAST"): ExpressionNode {
    const start = this.here();
    this.advance();
    this.expectOp("(");
    const operand = this.expression();
    this.expect("AS");
    const type = this.dataType();
    const format = this.accept("FORMAT") ? this.stringValue() : undefined;
    this.expectOp(")");
    const node = { kind: "cast", function: name, operand, type } as const;
    const span = this.spanFrom(start);
    return format === undefined ? { ...node, span } : { ...node, format, span };
  }

  private extract(): ExpressionNode {
    const start = this.here();
    this.advance();
    this.expectOp("(");
    const unit = this.timeUnit();
    this.expect("FROM");
    const operand = this.expression();
    this.expectOp(")");
    return { kind: "extract", unit, operand, span: this.spanFrom(start) };
  }

  private floorCeil(): ExpressionNode {
    const start = this.here();
    const name = this.functionName();
    this.expectOp("(");
    const operand = this.expression();
    const word = name.parts[0]!.name.toUpperCase() === "FLOOR" ? "FLOOR" : "CEIL";
    if (this.accept("TO")) {
      const unit = this.timeUnit();
      this.expectOp(")");
      return { kind: "floorCeil", function: word, operand, unit, span: this.spanFrom(start) };
    }
    const args: ArgumentNode[] = [{ value: operand, span: operand.span }];
    while (this.acceptOp(",")) args.push(this.argument());
    this.expectOp(")");
    return this.plainCall(name, "call", args);
  }

  private plainCall(
    name: IdentifierNode,
    syntax: "call" | "keyword",
    args: readonly ArgumentNode[],
  ): FunctionCallNode {
    const span = this.spanFrom(name.span);
    return { kind: "call", name, syntax, arguments: args, orderBy: [], span };
  }

  private trim(): ExpressionNode {
    const start = this.here();
    const name = this.functionName();
    this.expectOp("(");
    const side = this.acceptOne("BOTH", "LEADING", "TRAILING");
    let characters = this.at("FROM") ? undefined : this.expression();
    let operand = characters;
    if (this.accept("FROM")) operand = this.expression();
    else if (side !== undefined) throw this.unexpected();
    else if (this.acceptOp(",")) {
      const second = this.expression();
      this.expectOp(")");
      return this.plainCall(name, "call", [asArgument(operand!), asArgument(second)]);
    } else characters = undefined;
    this.expectOp(")");
    const span = this.spanFrom(start);
    const node = { kind: "trim", side: side ?? "BOTH", operand: operand! } as const;
    return characters === undefined ? { ...node, span } : { ...node, characters, span };
  }

  /** SUBSTRING(a FROM b FOR c), OVERLAY(a PLACING b FROM c FOR d), or both with commas. */
  private keywordCall(...keywords: readonly string[]): ExpressionNode {
    const name = this.functionName();
    this.expectOp("(");
    const args = [asArgument(this.expression())];
    if (!this.at(keywords[0]!)) {
      while (this.acceptOp(",")) args.push(this.argument());
      this.expectOp(")");
      return this.plainCall(name, "call", args);
    }
    const optional = keywords.length - 1;
    keywords.forEach((keyword, i) => {
      if (i < optional) this.expect(keyword);
      else if (!this.accept(keyword)) return;
      args.push(asArgument(this.expression()));
    });
    this.expectOp(")");
    return this.plainCall(name, "keyword", args);
  }

  /** POSITION(a IN b FROM c): `a` must not take the IN for itself. */
  private position(): ExpressionNode {
    const name = this.functionName();
    this.expectOp("(");
    const args = [asArgument(this.tightExpression())];
    if (this.acceptOp(",")) {
      args.push(...this.commaList(() => this.argument()));
      this.expectOp(")");
      return this.plainCall(name, "call", args);
    }
    this.expect("IN");
    args.push(asArgument(this.expression()));
    if (this.accept("FROM")) args.push(asArgument(this.expression()));
    this.expectOp(")");
    return this.plainCall(name, "keyword", args);
  }

  private timeUnitCall(): ExpressionNode {
    const name = this.functionName();
    this.expectOp("(");
    const span = this.here();
    const args: ArgumentNode[] = [
      { value: { kind: "timeUnit", unit: this.timeUnit(), span }, span },
    ];
    while (this.acceptOp(",")) args.push(this.argument());
    this.expectOp(")");
    return this.plainCall(name, "call", args);
  }

  private descriptor(): ExpressionNode {
    const start = this.here();
    this.advance();
    const empty = this.peekIsOp(1, ")");
    const columns = empty ? [] : this.identifierList();
    if (empty) this.pos += 2;
    return { kind: "descriptor", columns, span: this.spanFrom(start) };
  }

  // ---------------------------------------------------------------------------------- order and
  // windows

  orderBy(): OrderItemNode[] {
    this.expect("ORDER", "BY");
    return this.commaList(() => this.orderItem());
  }

  protected orderItem(): OrderItemNode {
    const start = this.here();
    const value = this.expression();
    const descending = this.acceptOne("ASC", "DESC") === "DESC";
    const nulls = this.accept("NULLS") ? this.expectOne("FIRST", "LAST") : undefined;
    const span = this.spanFrom(start);
    return nulls === undefined ? { value, descending, span } : { value, descending, nulls, span };
  }

  private overWindow(): WindowSpecNode | IdentifierNode {
    return this.atOp("(") ? this.windowSpec() : this.simpleIdentifier();
  }

  protected windowSpec(): WindowSpecNode {
    const start = this.here();
    this.expectOp("(");
    const named = this.isName(this.token) && !this.peekIs(0, "PARTITION");
    const base = named ? this.identifierPart() : undefined;
    const partitioned = this.acceptWords("PARTITION", "BY");
    const partitionBy = partitioned ? this.commaList(() => this.expression()) : [];
    const orderBy = this.at("ORDER") ? this.orderBy() : [];
    const frame = this.windowFrame();
    this.expectOp(")");
    return {
      kind: "window",
      ...(base === undefined ? {} : { base }),
      partitionBy,
      orderBy,
      ...(frame === undefined ? {} : { frame }),
      span: this.spanFrom(start),
    };
  }

  private windowFrame(): WindowFrame | undefined {
    const unit = this.acceptOne("ROWS", "RANGE");
    if (unit === undefined) return undefined;
    let frame: WindowFrame;
    if (this.accept("BETWEEN")) {
      const from = this.windowBound();
      this.expect("AND");
      frame = { unit, start: from, end: this.windowBound() };
    } else frame = { unit, start: this.windowBound() };
    const partial = this.acceptOne("ALLOW", "DISALLOW");
    if (partial === undefined) return frame;
    this.expect("PARTIAL");
    return { ...frame, allowPartial: partial === "ALLOW" };
  }

  private windowBound(): WindowBound {
    if (this.accept("CURRENT")) {
      this.expect("ROW");
      return { bound: "CURRENT ROW" };
    }
    if (this.accept("UNBOUNDED")) {
      return { bound: `UNBOUNDED ${this.expectOne("PRECEDING", "FOLLOWING")}` };
    }
    const offset = this.tightExpression();
    return { bound: this.expectOne("PRECEDING", "FOLLOWING"), offset };
  }
}

const SUFFIX_WORDS = new Set(["IGNORE", "RESPECT", "WITHIN", "FILTER", "OVER"]);
const SPECIAL_CALLS = new Set(
  wordList(`
  CAST TRY_CAST EXTRACT FLOOR CEIL CEILING TRIM SUBSTRING OVERLAY POSITION TIMESTAMPADD
  TIMESTAMPDIFF DESCRIPTOR FINAL RUNNING`),
);

function asArgument(value: ExpressionNode): ArgumentNode {
  return { value, span: value.span };
}
