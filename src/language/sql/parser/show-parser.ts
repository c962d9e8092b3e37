/**
 * ShowParser: SHOW and DESCRIBE.
 *
 * Flow:    alter-parser ← here ← statement-parser.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import { AlterParser } from "./alter-parser.ts";
import type {
  DescribeNode,
  IdentifierNode,
  ShowCreateNode,
  ShowLike,
  ShowNode,
  StatementNode,
} from "./ast.ts";

type ShowObject = ShowNode["object"];

/** Objects that take FROM/IN a database, and LIKE. */
const IN_DATABASE = [
  "DATABASES",
  "TABLES",
  "VIEWS",
  "FUNCTIONS",
  "PROCEDURES",
  "MODELS",
  "CONNECTIONS",
] as const;

export abstract class ShowParser extends AlterParser {
  protected showStatement(): StatementNode {
    const start = this.here();
    this.expect("SHOW");
    if (this.accept("CREATE")) return this.showCreate(start);
    if (this.accept("CURRENT")) {
      const object = this.expectOne("CATALOG", "DATABASE");
      return this.show(`CURRENT ${object}`, start);
    }
    if (this.accept("CATALOGS")) return this.show("CATALOGS", start, this.like());
    if (this.accept("USER")) {
      this.expect("FUNCTIONS");
      return this.showInDatabase("USER FUNCTIONS", start);
    }
    if (this.accept("FULL")) {
      this.expect("MODULES");
      return this.show("FULL MODULES", start);
    }
    if (this.accept("MATERIALIZED")) {
      this.expect("TABLES");
      return this.showInDatabase("MATERIALIZED TABLES", start);
    }
    const plain = this.acceptOne("MODULES", "JARS", "JOBS");
    if (plain !== undefined) return this.show(plain, start);
    if (this.accept("COLUMNS")) return this.showColumns(start);
    if (this.accept("PARTITIONS")) return this.showPartitions(start);
    return this.showInDatabase(this.expectOne(...IN_DATABASE), start);
  }

  private show(
    object: ShowObject,
    start: Span,
    rest: Partial<Pick<ShowNode, "preposition" | "name" | "like" | "partition">> = {},
  ): ShowNode {
    return { kind: "show", object, partition: [], ...rest, span: this.spanFrom(start) };
  }

  private showInDatabase(object: ShowObject, start: Span): ShowNode {
    const preposition = this.acceptOne("FROM", "IN");
    if (preposition === undefined) return this.show(object, start, this.like());
    const name = this.compoundIdentifier();
    this.checkParts(object, name);
    return this.show(object, start, { preposition, name, ...this.like() });
  }

  private checkParts(object: ShowObject, name: IdentifierNode): void {
    const limit = object === "DATABASES" ? 1 : 2;
    if (name.parts.length <= limit) return;
    const words = `Show ${object.toLowerCase()}`;
    const text = name.parts.map((p) => p.name).join(".");
    const rule =
      limit === 1
        ? "catalog must be a single part identifier."
        : "it should be [catalog_name.]database_name.";
    throw this.notAllowed(
      `${words} from/in identifier [ ${text} ] format error, ${rule}`,
      name.span,
    );
  }

  private like(): { like?: ShowLike } {
    const negated = this.accept("NOT");
    const operator = negated ? this.expectOne("LIKE", "ILIKE") : this.acceptOne("LIKE", "ILIKE");
    if (operator === undefined) return {};
    return { like: { operator, negated, pattern: this.stringValue() } };
  }

  private showColumns(start: Span): ShowNode {
    const preposition = this.expectOne("FROM", "IN");
    const name = this.compoundIdentifier();
    return this.show("COLUMNS", start, { preposition, name, ...this.like() });
  }

  private showPartitions(start: Span): ShowNode {
    const name = this.compoundIdentifier();
    const partition = this.accept("PARTITION") ? this.partitionSpec() : [];
    return this.show("PARTITIONS", start, { name, partition });
  }

  private showCreate(start: Span): ShowCreateNode {
    const orAlter = this.acceptWords("OR", "ALTER");
    let object: ShowCreateNode["object"];
    if (orAlter || this.at("MATERIALIZED")) {
      this.expect("MATERIALIZED", "TABLE");
      object = "MATERIALIZED TABLE";
    } else object = this.expectOne("TABLE", "VIEW", "CATALOG", "MODEL", "CONNECTION");
    const name = object === "CATALOG" ? this.simpleIdentifier() : this.compoundIdentifier();
    return { kind: "showCreate", object, orAlter, name, span: this.spanFrom(start) };
  }

  // ----------------------------------------------------------------------------------- DESCRIBE

  protected describeStatement(): StatementNode {
    const start = this.here();
    this.expectOne("DESCRIBE", "DESC");
    if (this.peekIs(0, "JOB") && this.tokenAhead(1).kind === "string") {
      this.advance();
      return { kind: "describeJob", jobId: this.stringValue(), span: this.spanFrom(start) };
    }
    const object = this.describedObject();
    const extended = this.accept("EXTENDED");
    const name = object === "CATALOG" ? this.simpleIdentifier() : this.compoundIdentifier();
    return { kind: "describe", object, extended, name, span: this.spanFrom(start) };
  }

  /** CATALOG, MODEL and so on may be names of tables, too: a name must follow them. */
  private describedObject(): DescribeNode["object"] {
    const next = this.tokenAhead(1);
    const named = this.isName(next) || (next.kind === "word" && next.value === "EXTENDED");
    if (!named) return "TABLE";
    return (
      this.acceptOne("CATALOG", "DATABASE", "FUNCTION", "MODEL", "CONNECTION", "TABLE") ?? "TABLE"
    );
  }
}
