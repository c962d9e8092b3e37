/**
 * RelationParser: what stands in FROM.
 *
 * Flow:    match-parser ← here ← query-parser.
 * Shapes:  joins are left-deep; each adds a level to the tree.
 * Source:  Flink's TableRef and JoinTable; a string literal as a table is Millrace's own.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  DataTypeNode,
  ExpressionNode,
  HintNode,
  HintOption,
  IdentifierPart,
  JoinNode,
  QueryNode,
  RelationNode,
  TableAliasNode,
  TableNode,
  TableSample,
} from "./ast.ts";
import { wordList } from "./keywords.ts";
import { MatchParser } from "./match-parser.ts";

/** A relation, or a query in parentheses that may still turn out to be part of a larger one. */
type Inner = { readonly query: QueryNode } | { readonly relation: RelationNode };

export abstract class RelationParser extends MatchParser {
  /** Everything behind FROM: tables with commas and joins. */
  protected fromClause(): RelationNode {
    const start = this.here();
    return this.commaJoins(this.joins(this.tableReference(), start), start);
  }

  private commaJoins(first: RelationNode, start: Span): RelationNode {
    let left = first;
    while (this.acceptOp(",")) {
      const at = this.here();
      const right = this.joins(this.tableReference(), at);
      const span = this.spanFrom(start);
      left = { kind: "join", type: "COMMA", natural: false, left, right, span };
      this.grow();
    }
    return left;
  }

  private joins(first: RelationNode, start: Span): RelationNode {
    let left = first;
    for (;;) {
      const next = this.join(left, start);
      if (next === undefined) return left;
      this.grow();
      left = next;
    }
  }

  private join(left: RelationNode, start: Span): RelationNode | undefined {
    const natural = this.accept("NATURAL");
    const type = this.joinType();
    if (type === undefined) {
      if (natural) throw this.unexpected();
      return undefined;
    }
    const right = this.tableReference();
    const join = { kind: "join", type, natural, left, right } as const;
    if (this.accept("ON")) {
      const on = this.expression();
      return { ...join, on, span: this.spanFrom(start) };
    }
    if (this.accept("USING")) {
      const using = this.identifierList();
      return { ...join, using, span: this.spanFrom(start) };
    }
    return { ...join, span: this.spanFrom(start) };
  }

  private joinType(): JoinNode["type"] | undefined {
    if (this.accept("JOIN")) return "INNER";
    if (this.accept("INNER")) {
      this.expect("JOIN");
      return "INNER";
    }
    if (this.accept("CROSS")) {
      if (this.at("APPLY")) throw this.unsupported("APPLY", "Use CROSS JOIN LATERAL.");
      this.expect("JOIN");
      return "CROSS";
    }
    const type = this.acceptOne("LEFT", "RIGHT", "FULL");
    if (type === undefined) return undefined;
    if (this.peekIs(0, "SEMI") || this.peekIs(0, "ANTI")) {
      const remedy = this.peekIs(0, "SEMI") ? "Use EXISTS or IN." : "Use NOT EXISTS or NOT IN.";
      throw this.unsupported(`${type} ${this.token.value} JOIN`, remedy);
    }
    this.accept("OUTER");
    this.expect("JOIN");
    return type;
  }

  // ------------------------------------------------------------------------------------- single
  // relations

  protected tableReference(): RelationNode {
    const start = this.here();
    return this.decorated(this.tablePrimary(), start);
  }

  /** MATCH_RECOGNIZE, alias and TABLESAMPLE behind a relation. */
  private decorated(first: RelationNode, start: Span): RelationNode {
    let relation = first;
    if (this.at("MATCH_RECOGNIZE")) relation = this.matchRecognize(relation, start);
    if (this.peekIs(0, "PIVOT") && this.peekIsOp(1, "(")) {
      throw this.unsupported("PIVOT", "Use aggregates with FILTER (WHERE …).");
    }
    if (this.peekIs(0, "UNPIVOT") && (this.peekIsOp(1, "(") || this.peekIs(2, "NULLS"))) {
      throw this.unsupported("UNPIVOT", "Use UNNEST of an ARRAY of rows.");
    }
    const alias = this.tableAlias();
    if (alias !== undefined) relation = { ...relation, alias, span: this.spanFrom(start) };
    // A table with an alias of its own may still be matched: t AS a MATCH_RECOGNIZE (…) AS b.
    if (alias !== undefined && this.at("MATCH_RECOGNIZE")) {
      return this.decorated(this.matchRecognize(relation, start), start);
    }
    const sample = this.accept("TABLESAMPLE") ? this.tableSample() : undefined;
    if (sample === undefined) return relation;
    return { ...relation, sample, span: this.spanFrom(start) };
  }

  private tablePrimary(): RelationNode {
    const start = this.here();
    const lateral = this.accept("LATERAL");
    if (this.at("TABLE") && this.peekIsOp(1, "(")) return this.wrappedFunction(lateral, start);
    if (this.atIdentifier()) return this.namedRelation(lateral, start);
    if (this.atOp("(")) {
      this.advance();
      const found = this.relationContents();
      this.expectOp(")");
      if ("relation" in found) return found.relation;
      const span = this.spanFrom(start);
      return { kind: "derivedTable", lateral, query: found.query, span };
    }
    if (this.accept("UNNEST")) return this.unnest(lateral, start);
    if (this.accept("SAVEPOINT")) return this.savepointState(start);
    if (this.token.kind === "string") {
      const path = this.advance().value;
      const hints = this.hints();
      return { kind: "fileTable", path, hints, span: this.spanFrom(start) };
    }
    throw this.unexpected();
  }

  /** `SAVEPOINT([JOB] 'path').operator[.map]`: state, read like a file; the host knows what the name means. */
  private savepointState(start: Span): RelationNode {
    this.expectOp("(");
    const job = this.accept("JOB") ? "JOB " : "";
    if (this.token.kind !== "string") throw this.unexpected();
    const folder = job + this.advance().value;
    this.expectOp(")");
    this.expectOp(".");
    const { parts } = this.compoundIdentifier();
    const path = ["savepoint:".concat(folder), ...parts.map(({ name }) => name)].join("#");
    return { kind: "fileTable", path, hints: this.hints(), span: this.spanFrom(start) };
  }

  private wrappedFunction(lateral: boolean, start: Span): RelationNode {
    this.pos += 2;
    const call = this.expression();
    if (call.kind !== "call") {
      throw this.notAllowed("TABLE(…) must contain the call of a table function", call.span);
    }
    this.expectOp(")");
    const hints = this.hints();
    return { kind: "tableFunction", lateral, call, hints, span: this.spanFrom(start) };
  }

  /** A table, or a table function without TABLE(…) around it. */
  private namedRelation(lateral: boolean, start: Span): RelationNode {
    const name = this.compoundIdentifier();
    if (this.peekIsOp(0, "(") && !this.extendAhead()) {
      const call = this.callOf(name);
      const hints = this.hints();
      return { kind: "tableFunction", lateral, call, hints, span: this.spanFrom(start) };
    }
    if (lateral) throw this.unexpected();
    this.note("(");
    const hints = this.hints();
    const extend = this.extendList();
    const systemTime = this.systemTime();
    const table: TableNode = { kind: "table", name, hints, extend, span: this.spanFrom(start) };
    return systemTime === undefined ? table : { ...table, systemTime, span: this.spanFrom(start) };
  }

  /**
   * `t (a INT, b INT)` extends a table; `t (a, b)` calls a function: a type behind the first name
   * tells.
   */
  private extendAhead(): boolean {
    const type = this.tokenAhead(2);
    return this.isName(this.tokenAhead(1)) && type.kind === "word" && EXTEND_TYPES.has(type.value);
  }

  protected extendList(): { name: IdentifierPart; type: DataTypeNode }[] {
    if (!this.accept("EXTEND") && !(this.peekIsOp(0, "(") && this.extendAhead())) return [];
    return this.parenList(() => ({ name: this.identifierPart(), type: this.dataType() }));
  }

  private systemTime(): ExpressionNode | undefined {
    if (!this.acceptWords("FOR", "SYSTEM_TIME")) return undefined;
    this.expect("AS", "OF");
    return this.expression();
  }

  private unnest(lateral: boolean, start: Span): RelationNode {
    const operands = this.parenList(() => this.expression());
    const withOrdinality = this.acceptWords("WITH", "ORDINALITY");
    return { kind: "unnest", lateral, operands, withOrdinality, span: this.spanFrom(start) };
  }

  /** Between parentheses in FROM: a query, or a table with joins. */
  private relationContents(): Inner {
    this.enter();
    const start = this.here();
    const found = this.innerRelation(start);
    this.leave();
    return found;
  }

  private innerRelation(start: Span): Inner {
    if (this.atQueryStart()) return { query: this.query() };
    if (!this.nestedQueryAhead()) return { relation: this.fromClause() };
    this.advance();
    const inner = this.relationContents();
    this.expectOp(")");
    let relation: RelationNode;
    if ("query" in inner) {
      if (this.atQueryContinuation()) return { query: this.continueQuery(inner.query, start) };
      if (this.peekIsOp(0, ")")) return inner;
      const span = this.spanFrom(start);
      relation = { kind: "derivedTable", lateral: false, query: inner.query, span };
    } else relation = inner.relation;
    const first = this.joins(this.decorated(relation, start), start);
    return { relation: this.commaJoins(first, start) };
  }

  private tableAlias(): TableAliasNode | undefined {
    const start = this.here();
    if (!this.accept("AS") && !this.atIdentifier()) return undefined;
    const name = this.identifierPart();
    const columns = this.peekIsOp(0, "(") ? this.identifierList() : [];
    return { name, columns, span: this.spanFrom(start) };
  }

  private tableSample(): TableSample {
    if (this.accept("SUBSTITUTE")) {
      throw this.unsupported("TABLESAMPLE SUBSTITUTE", "Use BERNOULLI or SYSTEM.");
    }
    const method = this.expectOne("BERNOULLI", "SYSTEM");
    const percentage = this.parenthesised(() => this.numberText());
    if (!this.accept("REPEATABLE")) return { method, percentage };
    return { method, percentage, seed: this.parenthesised(() => this.numberText()) };
  }

  private numberText(): string {
    const sign = this.acceptOp("-") ? "-" : "";
    const { kind } = this.token;
    if (kind !== "integer" && kind !== "decimal" && kind !== "approximate") throw this.unexpected();
    return sign + this.advance().value;
  }

  // -------------------------------------------------------------------------------------- hints

  protected hints(): HintNode[] {
    if (!this.acceptOp("/*+")) return [];
    const hints: HintNode[] = [];
    while (!this.acceptOp("*/")) {
      if (hints.length > 0) this.acceptOp(",");
      hints.push(this.hint());
    }
    return hints;
  }

  private hint(): HintNode {
    const start = this.here();
    const name = this.identifierPart();
    const options: HintOption[] = [];
    if (this.acceptOp("(") && !this.acceptOp(")")) {
      options.push(...this.commaList(() => this.hintOption()));
      this.expectOp(")");
    }
    return { name, options, span: this.spanFrom(start) };
  }

  private hintOption(): HintOption {
    const first = this.hintWord();
    if (!this.acceptOp("=")) return first;
    const value = this.hintWord();
    return { key: first.value, keyQuoted: first.quoted, value: value.value, quoted: value.quoted };
  }

  private hintWord(): { value: string; quoted: boolean } {
    const { kind } = this.token;
    if (kind === "integer" || kind === "decimal" || kind === "approximate") {
      return { value: this.advance().value, quoted: false };
    }
    if (this.atString()) return { value: this.stringValue(), quoted: true };
    const name = this.compoundIdentifier();
    return { value: name.parts.map((p) => p.name).join("."), quoted: false };
  }
}

const EXTEND_TYPES = new Set(
  wordList(`
  BOOLEAN TINYINT SMALLINT INT INTEGER BIGINT FLOAT REAL DOUBLE DECIMAL DEC NUMERIC CHAR CHARACTER
  VARCHAR STRING BINARY VARBINARY BYTES DATE TIME TIMESTAMP TIMESTAMP_LTZ`),
);
