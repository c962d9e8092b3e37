/**
 * TableElementParser: the parts that DDL statements share: options, columns, constraints,
 *                     watermarks, distribution.
 *
 * Flow:    query-parser ← here ← ddl-parser.
 */
import type {
  ColumnNode,
  ColumnPosition,
  DistributionNode,
  IdentifierNode,
  IdentifierPart,
  OptionNode,
  PartitionEntryNode,
  TableConstraintNode,
  TableElementNode,
  WatermarkNode,
} from "./ast.ts";
import { QueryParser } from "./query-parser.ts";

/**
 * Where columns stand: in ALTER they may have a position and a path, in CREATE … AS they may lack a
 * type.
 */
export type ElementContext = "create" | "alter";

export abstract class TableElementParser extends QueryParser {
  protected ifExists(): boolean {
    return this.acceptWords("IF", "EXISTS");
  }

  protected ifNotExists(): boolean {
    return this.acceptWords("IF", "NOT", "EXISTS");
  }

  /** `('k' = 'v', …)`, perhaps empty. */
  protected options(): OptionNode[] {
    this.expectOp("(");
    const options = this.peekIsOp(0, ")") ? [] : this.commaList(() => this.option());
    this.expectOp(")");
    return options;
  }

  protected option(): OptionNode {
    const start = this.here();
    const key = this.stringValue();
    this.expectOp("=");
    const value = this.stringValue();
    return { key, value, span: this.spanFrom(start) };
  }

  protected optionKeys(): string[] {
    this.expectOp("(");
    const keys = this.peekIsOp(0, ")") ? [] : this.commaList(() => this.stringValue());
    this.expectOp(")");
    return keys;
  }

  protected withOptions(): OptionNode[] {
    return this.accept("WITH") ? this.options() : [];
  }

  protected comment(): { comment?: string } {
    return this.accept("COMMENT") ? { comment: this.stringValue() } : {};
  }

  /** `(p = 'a', q = 2)`: values of literals; `open` allows names alone, for all of them. */
  protected partitionSpec(form: "values" | "open" = "values"): PartitionEntryNode[] {
    const namesOnly = form === "open" && !this.peekIsOp(2, "=");
    return this.parenList(() => {
      const start = this.here();
      const name = this.identifierPart();
      if (namesOnly) return { name, span: this.spanFrom(start) };
      this.expectOp("=");
      const value = this.expression();
      return { name, value, span: this.spanFrom(start) };
    });
  }

  // -------------------------------------------------------------------------------------- table
  // elements

  /** `( column, constraint, watermark, … )`. */
  protected tableElements(context: ElementContext): TableElementNode[] {
    const open = this.here();
    this.expectOp("(");
    const elements: TableElementNode[] = [];
    let namesOnly: boolean | undefined;
    do {
      const element = this.tableElement(context, elements, namesOnly);
      if (element.kind === "columnName") namesOnly = true;
      else if (namesOnly === undefined && element.kind.endsWith("Column")) namesOnly = false;
      elements.push(element);
    } while (this.acceptOp(","));
    this.expectOp(")");
    if (namesOnly === true) this.namesOnlyAt = this.spanFrom(open);
    return elements;
  }

  /** The place of a list of bare column names, for the check that a query follows. */
  protected namesOnlyAt: IdentifierNode["span"] | undefined;

  protected tableElement(
    context: ElementContext,
    before: readonly TableElementNode[],
    namesOnly: boolean | undefined,
  ): TableElementNode {
    const start = this.here();
    if (this.at("WATERMARK")) {
      if (before.some((e) => e.kind === "watermark")) {
        throw this.notAllowed("Multiple WATERMARK declarations are not supported yet.");
      }
      return this.watermark();
    }
    if (this.atAny("CONSTRAINT", "PRIMARY", "UNIQUE")) return this.tableConstraint();
    const name = context === "alter" ? this.compoundIdentifier() : this.simpleIdentifier();
    const bare = this.peekIsOp(0, ",") || this.peekIsOp(0, ")");
    if (context === "create" && namesOnly !== false && (namesOnly === true || bare)) {
      return { kind: "columnName", name, span: this.spanFrom(start) };
    }
    return this.column(name, context);
  }

  private column(name: IdentifierNode, context: ElementContext): ColumnNode {
    if (this.accept("AS")) {
      const expression = this.expression();
      const rest = { ...this.comment(), ...this.columnPosition(context) };
      const span = this.spanFrom(name.span);
      return { kind: "computedColumn", name, expression, ...rest, span };
    }
    const type = this.dataType();
    if (this.accept("METADATA")) {
      const from = this.accept("FROM") ? { from: this.stringValue() } : {};
      const virtual = this.accept("VIRTUAL");
      const rest = { ...this.comment(), ...this.columnPosition(context) };
      const span = this.spanFrom(name.span);
      return { kind: "metadataColumn", name, type, ...from, virtual, ...rest, span };
    }
    const constraint = this.columnConstraint(name);
    const rest = { ...this.comment(), ...this.columnPosition(context) };
    return {
      kind: "physicalColumn",
      name,
      type,
      ...(constraint === undefined ? {} : { constraint }),
      ...rest,
      span: this.spanFrom(name.span),
    };
  }

  private columnPosition(context: ElementContext): { position?: ColumnPosition } {
    if (context === "create") return {};
    if (this.accept("FIRST")) return { position: { first: true } };
    if (!this.accept("AFTER")) return {};
    return { position: { after: this.compoundIdentifier() } };
  }

  private columnConstraint(column: IdentifierNode): TableConstraintNode | undefined {
    if (!this.atAny("CONSTRAINT", "PRIMARY", "UNIQUE")) return undefined;
    const start = this.here();
    const name = this.constraintName();
    const type = this.constraintType();
    const columns = [column.parts.at(-1)!];
    const enforced = this.enforced();
    const span = this.spanFrom(start);
    return { kind: "constraint", type, ...name, columns, ...enforced, span };
  }

  private tableConstraint(): TableConstraintNode {
    const start = this.here();
    const name = this.constraintName();
    const type = this.constraintType();
    const columns = this.identifierList();
    const enforced = this.enforced();
    const span = this.spanFrom(start);
    return { kind: "constraint", type, ...name, columns, ...enforced, span };
  }

  private constraintName(): { name?: IdentifierPart } {
    return this.accept("CONSTRAINT") ? { name: this.identifierPart() } : {};
  }

  private constraintType(): "PRIMARY KEY" | "UNIQUE" {
    if (this.accept("UNIQUE")) return "UNIQUE";
    this.expect("PRIMARY", "KEY");
    return "PRIMARY KEY";
  }

  private enforced(): { enforced?: boolean } {
    if (this.accept("ENFORCED")) return { enforced: true };
    return this.acceptWords("NOT", "ENFORCED") ? { enforced: false } : {};
  }

  private watermark(): WatermarkNode {
    const start = this.here();
    this.expect("WATERMARK", "FOR");
    const column = this.compoundIdentifier();
    this.expect("AS");
    const expression = this.expression();
    return { kind: "watermark", column, expression, span: this.spanFrom(start) };
  }

  /** What follows DISTRIBUTED or DISTRIBUTION. */
  protected distribution(): DistributionNode {
    const start = this.here();
    if (this.accept("INTO")) {
      const buckets = this.unsignedInteger();
      this.expect("BUCKETS");
      return { kind: "distribution", columns: [], buckets, span: this.spanFrom(start) };
    }
    this.expect("BY");
    const method = this.acceptOne("HASH", "RANGE");
    const columns = this.identifierList();
    const base = {
      kind: "distribution",
      ...(method === undefined ? {} : { method }),
      columns,
    } as const;
    if (!this.accept("INTO")) return { ...base, span: this.spanFrom(start) };
    const buckets = this.unsignedInteger();
    this.expect("BUCKETS");
    return { ...base, buckets, span: this.spanFrom(start) };
  }
}
