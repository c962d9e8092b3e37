/**
 * QueryParser: WITH, SELECT, VALUES, set operations, ORDER BY and LIMIT.
 *
 * Flow:    relation-parser ← here ← ddl-parser.
 * Shapes:  set operations are lists of branches, so that thousands of UNIONs need no deep tree.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  ExpressionNode,
  GroupByNode,
  GroupItemNode,
  IdentifierPart,
  NamedWindowNode,
  OrderItemNode,
  QueryNode,
  SelectItemNode,
  SelectNode,
  SetBranch,
  ValuesNode,
  WithItemNode,
} from "./ast.ts";
import { RelationParser } from "./relation-parser.ts";

export abstract class QueryParser extends RelationParser {
  query(): QueryNode {
    this.enter();
    const tallest = this.height;
    this.height = 0;
    const start = this.here();
    const query = this.accept("WITH") ? this.withQuery(start) : this.queryBody();
    this.grow();
    this.height = Math.max(tallest, this.height);
    this.leave();
    return query;
  }

  private withQuery(start: Span): QueryNode {
    if (this.at("RECURSIVE")) {
      throw this.unsupported("WITH RECURSIVE", "Write the levels one by one.");
    }
    const items = this.commaList(() => this.withItem());
    const query = this.queryBody();
    return { kind: "with", items, query, span: this.spanFrom(start) };
  }

  private withItem(): WithItemNode {
    const start = this.here();
    const name = this.identifierPart();
    const columns = this.atOp("(") ? this.identifierList() : [];
    this.expect("AS");
    const query = this.parenthesised(() => this.query());
    return { name, columns, query, span: this.spanFrom(start) };
  }

  private queryBody(): QueryNode {
    const start = this.here();
    return this.continueQuery(this.queryLeaf(), start);
  }

  protected atQueryContinuation(): boolean {
    return this.atAny("UNION", "INTERSECT", "EXCEPT", "MINUS", "ORDER", "LIMIT", "OFFSET", "FETCH");
  }

  /** Set operations, then ORDER BY and LIMIT, behind the first query. */
  protected continueQuery(first: QueryNode, start: Span): QueryNode {
    let query = this.intersections(first, start);
    const branches: SetBranch[] = [];
    for (;;) {
      if (this.at("MINUS")) throw this.minus();
      const operator = this.acceptOne("UNION", "EXCEPT");
      if (operator === undefined) break;
      const all = this.acceptOne("ALL", "DISTINCT") === "ALL";
      const at = this.here();
      branches.push({ operator, all, query: this.intersections(this.queryLeaf(), at) });
    }
    if (branches.length > 0) {
      query = { kind: "setOperation", first: query, branches, span: this.spanFrom(start) };
    }
    return this.ordered(query, start);
  }

  private minus(): Error {
    return this.notAllowed("MINUS is not allowed under the current SQL conformance level");
  }

  private intersections(first: QueryNode, start: Span): QueryNode {
    const branches: SetBranch[] = [];
    while (this.accept("INTERSECT")) {
      const all = this.acceptOne("ALL", "DISTINCT") === "ALL";
      branches.push({ operator: "INTERSECT", all, query: this.queryLeaf() });
    }
    if (branches.length === 0) return first;
    return { kind: "setOperation", first, branches, span: this.spanFrom(start) };
  }

  private queryLeaf(): QueryNode {
    const start = this.here();
    if (this.at("SELECT")) return this.select();
    if (this.at("VALUES")) return this.values();
    if (this.at("TABLE")) {
      this.advance();
      const name = this.compoundIdentifier();
      return { kind: "tableQuery", name, span: this.spanFrom(start) };
    }
    return this.parenthesised(() => this.query());
  }

  private ordered(query: QueryNode, start: Span): QueryNode {
    const orderBy: OrderItemNode[] = this.at("ORDER") ? this.orderBy() : [];
    let limit: ExpressionNode | undefined;
    let offset: ExpressionNode | undefined;
    let limited = false;
    for (;;) {
      if (!limited && this.accept("LIMIT")) {
        limited = true;
        if (!this.accept("ALL")) limit = this.rowCount();
        if (this.atOp(",")) {
          throw this.notAllowed(
            "'LIMIT start, count' is not allowed under the current SQL conformance level",
          );
        }
      } else if (offset === undefined && this.accept("OFFSET")) {
        offset = this.rowCount();
        this.acceptOne("ROWS", "ROW");
      } else if (!limited && this.accept("FETCH")) {
        limited = true;
        this.expectOne("FIRST", "NEXT");
        limit = this.rowCount();
        this.expectOne("ROWS", "ROW");
        this.expect("ONLY");
      } else break;
    }
    if (orderBy.length === 0 && limit === undefined && offset === undefined) return query;
    return {
      kind: "orderedQuery",
      query,
      orderBy,
      ...(offset === undefined ? {} : { offset }),
      ...(limit === undefined ? {} : { limit }),
      span: this.spanFrom(start),
    };
  }

  private rowCount(): ExpressionNode {
    if (this.peekIsOp(0, "?")) {
      throw this.unsupported("a dynamic parameter '?'", "Write the number of rows itself.");
    }
    const span = this.here();
    return { kind: "exactNumber", text: String(this.rowNumber()), span };
  }

  private rowNumber(): string {
    if (this.token.kind === "integer") return this.advance().value;
    this.note("<UNSIGNED_INTEGER_LITERAL>");
    throw this.unexpected();
  }

  // ------------------------------------------------------------------------------------- SELECT

  private select(): SelectNode {
    const start = this.here();
    this.expect("SELECT");
    const hints = this.hints();
    if (this.at("STREAM")) throw this.unsupported("SELECT STREAM", "Leave STREAM out.");
    const quantifier = this.acceptOne("DISTINCT", "ALL");
    const items = this.commaList(() => this.selectItem());
    const from = this.accept("FROM") ? this.fromClause() : undefined;
    const where = this.accept("WHERE") ? this.expression() : undefined;
    const groupBy = this.at("GROUP") ? this.groupBy() : undefined;
    const having = this.accept("HAVING") ? this.expression() : undefined;
    const windows = this.accept("WINDOW") ? this.commaList(() => this.namedWindow()) : [];
    const qualify = this.accept("QUALIFY") ? this.expression() : undefined;
    return {
      kind: "select",
      hints,
      ...(quantifier === undefined ? {} : { quantifier }),
      items,
      ...(from === undefined ? {} : { from }),
      ...(where === undefined ? {} : { where }),
      ...(groupBy === undefined ? {} : { groupBy }),
      ...(having === undefined ? {} : { having }),
      windows,
      ...(qualify === undefined ? {} : { qualify }),
      span: this.spanFrom(start),
    };
  }

  private selectItem(): SelectItemNode {
    const start = this.here();
    if (this.acceptOp("*")) {
      return { value: { kind: "star", qualifier: [], span: start }, span: start };
    }
    const value = this.expression();
    const alias = this.columnAlias();
    const span = this.spanFrom(start);
    return alias === undefined ? { value, span } : { value, alias, span };
  }

  private columnAlias(): IdentifierPart | undefined {
    if (this.accept("AS")) {
      if (this.token.kind === "string") {
        throw this.notAllowed(
          "a column alias is a name: put it in backticks, not in single quotes",
        );
      }
      return this.identifierPart();
    }
    return this.atIdentifier() ? this.identifierPart() : undefined;
  }

  private groupBy(): GroupByNode {
    const start = this.here();
    this.expect("GROUP", "BY");
    const quantifier = this.acceptOne("DISTINCT", "ALL");
    const items = this.commaList(() => this.groupItem());
    const span = this.spanFrom(start);
    return quantifier === undefined ? { items, span } : { quantifier, items, span };
  }

  private groupItem(): GroupItemNode {
    this.enter();
    const item = this.groupItemHere();
    this.leave();
    return item;
  }

  private groupItemHere(): GroupItemNode {
    const start = this.here();
    if (this.acceptWords("GROUPING", "SETS")) {
      const items = this.parenList(() => this.groupItem());
      return { kind: "groupingSets", items, span: this.spanFrom(start) };
    }
    const word = this.acceptOne("ROLLUP", "CUBE");
    if (word !== undefined) {
      const items = this.parenList(() => this.groupItem());
      const kind = word === "CUBE" ? "cube" : "rollup";
      return { kind, items, span: this.spanFrom(start) };
    }
    if (this.peekIsOp(0, "(") && this.peekIsOp(1, ")")) {
      this.pos += 2;
      return { kind: "group", items: [], span: this.spanFrom(start) };
    }
    const value = this.expression();
    const span = this.spanFrom(start);
    if (value.kind !== "row" || value.explicit) return { kind: "groupExpression", value, span };
    const items = value.fields.map(
      (field) => ({ kind: "groupExpression", value: field, span: field.span }) as const,
    );
    return { kind: "group", items, span };
  }

  private namedWindow(): NamedWindowNode {
    const start = this.here();
    const name = this.identifierPart();
    this.expect("AS");
    const window = this.windowSpec();
    return { name, window, span: this.spanFrom(start) };
  }

  // ------------------------------------------------------------------------------------- VALUES

  private values(): ValuesNode {
    const start = this.here();
    this.expect("VALUES");
    const rows = this.commaList(() => this.valuesRow());
    return { kind: "values", rows, span: this.spanFrom(start) };
  }

  private valuesRow(): readonly ExpressionNode[] {
    const value = this.rowItem();
    return value.kind === "row" ? value.fields : [value];
  }
}
