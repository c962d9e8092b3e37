/**
 * CreateParser: CREATE and REPLACE; ALTER and DROP are in alter-parser.ts.
 *
 * Flow:    table-element-parser ← here ← alter-parser.
 * Source:  Flink's CREATE statements; CREATE TABLE … AS TABLE and CREATE DATABASE … AS DATABASE are
 *          Alibaba's.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  ColumnNode,
  CreateFunctionNode,
  CreateTableNode,
  IdentifierNode,
  QueryNode,
  StartMode,
  StatementNode,
  TableElementNode,
  TableLikeNode,
} from "./ast.ts";
import { TableElementParser } from "./table-element-parser.ts";

type Verb = CreateTableNode["verb"];

export abstract class CreateParser extends TableElementParser {
  protected createStatement(): StatementNode {
    const start = this.here();
    this.expect("CREATE");
    const replace = this.peekIs(1, "REPLACE") && this.acceptWords("OR", "REPLACE");
    if (!replace && this.acceptWords("OR", "ALTER")) {
      this.expect("MATERIALIZED", "TABLE");
      return this.createMaterializedTable("CREATE OR ALTER", start);
    }
    const temporary = this.accept("TEMPORARY");
    if (replace) {
      this.expect("TABLE");
      return this.createTable("CREATE OR REPLACE", temporary, start);
    }
    const at = this.here();
    if (this.accept("SYSTEM")) return this.createSystem(temporary, start, at);
    if (this.accept("TABLE")) return this.createTable("CREATE", temporary, start);
    if (this.accept("VIEW")) return this.createView(temporary, start);
    if (this.accept("FUNCTION")) return this.createFunction(temporary, false, start);
    if (this.accept("MODEL")) return this.createModel(temporary, start);
    if (this.accept("CONNECTION")) return this.createConnection(temporary, false, start);
    if (this.accept("MATERIALIZED")) {
      if (temporary) {
        throw this.notAllowed("CREATE TEMPORARY MATERIALIZED TABLE is not supported.", at);
      }
      this.expect("TABLE");
      return this.createMaterializedTable("CREATE", start);
    }
    if (!temporary && this.accept("CATALOG")) return this.createCatalog(start);
    if (!temporary && this.accept("DATABASE")) return this.createDatabase(start);
    throw this.unexpected();
  }

  private createSystem(temporary: boolean, start: Span, at: Span): StatementNode {
    const object = this.expectOne("FUNCTION", "CONNECTION");
    if (!temporary) {
      const noun = object === "FUNCTION" ? "functions" : "connections";
      throw this.notAllowed(
        `CREATE SYSTEM ${object} is not supported, system ${noun} can only be registered as temporary ${noun}, you can use CREATE TEMPORARY SYSTEM ${object} instead.`,
        at,
      );
    }
    if (object === "FUNCTION") return this.createFunction(true, true, start);
    return this.createConnection(true, true, start);
  }

  protected replaceStatement(): StatementNode {
    const start = this.here();
    this.expect("REPLACE");
    const temporary = this.accept("TEMPORARY");
    this.expect("TABLE");
    return this.createTable("REPLACE", temporary, start);
  }

  // ------------------------------------------------------------------------------------- tables

  private createTable(verb: Verb, temporary: boolean, start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = this.compoundIdentifier();
    this.namesOnlyAt = undefined;
    const elements = this.optionalElements();
    const namesOnlyAt = this.namesOnlyAt;
    const comment = this.comment();
    const distribution = this.accept("DISTRIBUTED") ? { distribution: this.distribution() } : {};
    const partitionedBy = this.partitionedBy();
    const connection = this.usingConnection(verb);
    const options = this.withOptions();
    const rest = this.tableSource(verb);
    if (namesOnlyAt !== undefined && rest.query === undefined) {
      throw this.notAllowed(
        "Columns identifiers without types in the schema are supported on CTAS/RTAS statements only.",
        namesOnlyAt,
      );
    }
    if (connection !== undefined && rest.query !== undefined) {
      throw this.notAllowed(
        "USING CONNECTION clause is not supported with CREATE TABLE AS SELECT or REPLACE TABLE AS SELECT statements.",
        start,
      );
    }
    return {
      kind: "createTable",
      verb,
      temporary,
      ifNotExists,
      name,
      elements,
      ...comment,
      ...distribution,
      partitionedBy,
      ...(connection === undefined ? {} : { connection }),
      options,
      ...rest,
      span: this.spanFrom(start),
    };
  }

  /** REPLACE TABLE always ends in AS, so USING CONNECTION is no part of its grammar. */
  private usingConnection(verb: Verb): IdentifierNode | undefined {
    if (verb === "REPLACE" || !this.accept("USING")) return undefined;
    this.expect("CONNECTION");
    return this.compoundIdentifier();
  }

  private optionalElements(): TableElementNode[] {
    if (!this.atOp("(")) return [];
    if (!this.peekIsOp(1, ")")) return this.tableElements("create");
    this.pos += 2;
    return [];
  }

  private partitionedBy(): IdentifierNode["parts"] {
    if (!this.accept("PARTITIONED")) return [];
    this.expect("BY");
    return this.identifierList();
  }

  private tableSource(verb: Verb): Pick<CreateTableNode, "like" | "query" | "sourceTable"> {
    if (verb !== "REPLACE" && this.accept("LIKE")) return this.likeSource(verb);
    if (verb === "CREATE" && !this.at("AS")) return {};
    this.expect("AS");
    if (verb === "CREATE" && this.at("TABLE")) return { sourceTable: this.sourceTable() };
    return { query: this.asQuery() };
  }

  private likeSource(verb: Verb): Pick<CreateTableNode, "like"> {
    const like = this.tableLike();
    if (verb === "CREATE OR REPLACE" && (this.token.kind === "eof" || this.peekIsOp(0, ";"))) {
      throw this.unsupported(
        "CREATE OR REPLACE TABLE … LIKE",
        "Use CREATE OR REPLACE TABLE … AS, or DROP and CREATE.",
        like.span,
      );
    }
    return { like };
  }

  protected asQuery(): QueryNode {
    if (!this.atQueryStart() && !this.atOp("(")) {
      for (const word of ["SELECT", "VALUES", "WITH", "TABLE"]) this.note(word);
      throw this.unexpected();
    }
    return this.query();
  }

  private sourceTable(): NonNullable<CreateTableNode["sourceTable"]> {
    this.expect("TABLE");
    const name = this.compoundIdentifier();
    const hints = this.hints();
    const addColumns: ColumnNode[] = [];
    if (this.accept("ADD")) {
      this.expect("COLUMN");
      const list = this.atOp("(")
        ? this.tableElements("alter")
        : [this.tableElement("alter", [], false)];
      for (const element of list) {
        if (element.kind === "constraint" || element.kind === "watermark") {
          throw this.notAllowed("ADD COLUMN takes columns only", element.span);
        }
        addColumns.push(element);
      }
    }
    return { name, hints, addColumns };
  }

  private tableLike(): TableLikeNode {
    const start = this.here();
    const source = this.compoundIdentifier();
    const options: TableLikeNode["options"][number][] = [];
    if (this.acceptOp("(")) {
      do options.push(this.likeOption());
      while (!this.acceptOp(")"));
    }
    return { source, options, span: this.spanFrom(start) };
  }

  private likeOption(): TableLikeNode["options"][number] {
    const merging = this.expectOne("INCLUDING", "EXCLUDING", "OVERWRITING");
    const feature = this.expectOne(
      "ALL",
      "CONSTRAINTS",
      "DISTRIBUTION",
      "GENERATED",
      "METADATA",
      "OPTIONS",
      "PARTITIONS",
      "WATERMARKS",
    );
    return { merging, feature };
  }

  // ------------------------------------------------------------------------------- materialized
  // tables

  private createMaterializedTable(verb: "CREATE" | "CREATE OR ALTER", start: Span): StatementNode {
    const ifNotExists = verb === "CREATE" && this.ifNotExists();
    const name = this.compoundIdentifier();
    const elements = this.optionalElements();
    const comment = this.comment();
    const distribution = this.accept("DISTRIBUTED") ? { distribution: this.distribution() } : {};
    const partitionedBy = this.partitionedBy();
    const options = this.withOptions();
    const startMode = this.accept("START_MODE") ? { startMode: this.startMode() } : {};
    const freshness = this.accept("FRESHNESS") ? { freshness: this.freshness() } : {};
    const refreshMode = this.accept("REFRESH_MODE") ? { refreshMode: this.refreshMode() } : {};
    this.expect("AS");
    const query = this.asQuery();
    return {
      kind: "createMaterializedTable",
      verb,
      ifNotExists,
      name,
      elements,
      ...comment,
      ...distribution,
      partitionedBy,
      options,
      ...startMode,
      ...freshness,
      ...refreshMode,
      query,
      span: this.spanFrom(start),
    };
  }

  /** Behind START_MODE. */
  protected startMode(): StartMode {
    this.expectOp("=");
    const mode = this.expectOne(
      "FROM_BEGINNING",
      "FROM_NOW",
      "FROM_TIMESTAMP",
      "RESUME_OR_FROM_BEGINNING",
      "RESUME_OR_FROM_NOW",
      "RESUME_OR_FROM_TIMESTAMP",
    );
    switch (mode) {
      case "FROM_BEGINNING":
      case "RESUME_OR_FROM_BEGINNING":
        return { mode };
      case "FROM_NOW":
      case "RESUME_OR_FROM_NOW":
        if (!this.atOp("(")) return { mode };
        return { mode, interval: this.parenthesised(() => this.intervalLiteral()) };
      default: {
        const timestamp = this.parenthesised(() => this.expression());
        if (timestamp.kind === "dateTime") return { mode, timestamp };
        throw this.notAllowed(`${mode} takes a TIMESTAMP literal`, timestamp.span);
      }
    }
  }

  /** Behind FRESHNESS. */
  protected freshness(): ReturnType<CreateParser["expression"]> {
    this.expectOp("=");
    return this.intervalLiteral();
  }

  private intervalLiteral(): ReturnType<CreateParser["expression"]> {
    if (!this.at("INTERVAL")) throw this.unexpected();
    const value = this.primary();
    if (value.kind === "interval") return value;
    throw this.notAllowed("an INTERVAL literal is expected", value.span);
  }

  /** Behind REFRESH_MODE. */
  protected refreshMode(): "FULL" | "CONTINUOUS" {
    this.expectOp("=");
    return this.expectOne("FULL", "CONTINUOUS");
  }

  // -------------------------------------------------------------------------------------- other
  // objects

  private createView(temporary: boolean, start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = this.compoundIdentifier();
    const columns = this.atOp("(") ? this.identifierList() : [];
    const comment = this.comment();
    this.expect("AS");
    const query = this.asQuery();
    const span = this.spanFrom(start);
    return { kind: "createView", temporary, ifNotExists, name, columns, ...comment, query, span };
  }

  private createCatalog(start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = this.simpleIdentifier();
    const comment = this.comment();
    const options = this.withOptions();
    const span = this.spanFrom(start);
    return { kind: "createCatalog", ifNotExists, name, ...comment, options, span };
  }

  private createDatabase(start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = this.compoundIdentifier();
    const comment = this.comment();
    const options = this.withOptions();
    const base = { kind: "createDatabase", ifNotExists, name, ...comment, options } as const;
    if (!this.accept("AS")) return { ...base, span: this.spanFrom(start) };
    this.expect("DATABASE");
    const source = this.compoundIdentifier();
    const including = this.accept("INCLUDING") ? this.includedTables() : undefined;
    const excluding = this.acceptWords("EXCLUDING", "TABLE")
      ? this.commaList(() => this.stringValue())
      : [];
    const hints = this.hints();
    const tables = including === undefined ? { excluding } : { including, excluding };
    return { ...base, source: { name: source, ...tables, hints }, span: this.spanFrom(start) };
  }

  private includedTables(): string[] | undefined {
    if (this.acceptWords("ALL", "TABLES")) return undefined;
    this.expect("TABLE");
    return this.commaList(() => this.stringValue());
  }

  private createFunction(temporary: boolean, system: boolean, start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = system ? this.simpleIdentifier() : this.compoundIdentifier();
    this.expect("AS");
    const className = this.stringValue();
    const language = this.functionLanguage();
    const resources: CreateFunctionNode["resources"][number][] = [];
    if (this.accept("USING")) {
      do {
        const type = this.expectOne("JAR", "ARTIFACT");
        resources.push({ type, path: this.stringValue() });
      } while (this.acceptOp(","));
    }
    const options = this.withOptions();
    return {
      kind: "createFunction",
      temporary,
      system,
      ifNotExists,
      name,
      className,
      ...language,
      resources,
      options,
      span: this.spanFrom(start),
    };
  }

  protected functionLanguage(): Pick<CreateFunctionNode, "language"> {
    if (!this.accept("LANGUAGE")) return {};
    if (this.acceptWords("TYPESCRIPT")) return { language: "TYPESCRIPT" };
    if (this.acceptWords("JAVASCRIPT")) return { language: "JAVASCRIPT" };
    return { language: this.expectOne("JAVA", "SCALA", "SQL", "PYTHON") };
  }

  private createModel(temporary: boolean, start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = this.compoundIdentifier();
    const input = this.accept("INPUT") ? this.tableElements("create") : [];
    const output = this.accept("OUTPUT") ? this.tableElements("create") : [];
    const comment = this.comment();
    const options = this.withOptions();
    const query = this.accept("AS") ? { query: this.asQuery() } : {};
    return {
      kind: "createModel",
      temporary,
      ifNotExists,
      name,
      input,
      output,
      ...comment,
      options,
      ...query,
      span: this.spanFrom(start),
    };
  }

  private createConnection(temporary: boolean, system: boolean, start: Span): StatementNode {
    const ifNotExists = this.ifNotExists();
    const name = system ? this.simpleIdentifier() : this.compoundIdentifier();
    const comment = this.comment();
    this.expect("WITH");
    const options = this.options();
    const base = { kind: "createConnection", temporary, system, ifNotExists, name } as const;
    return { ...base, ...comment, options, span: this.spanFrom(start) };
  }
}
