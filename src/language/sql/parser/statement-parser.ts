/**
 * StatementParser: chooses the statement by its first word; DML, EXPLAIN, plans, modules, jobs,
 *                  SET.
 *
 * Flow:    show-parser ← here ← parser.ts.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  ExplainDetail,
  IdentifierNode,
  InsertNode,
  SetNode,
  StatementNode,
  StatementSetNode,
  TableNode,
} from "./ast.ts";
import { wordList } from "./keywords.ts";
import { ShowParser } from "./show-parser.ts";

const STARTERS = wordList(`
  SELECT VALUES WITH INSERT UPSERT UPDATE DELETE CREATE REPLACE ALTER DROP SHOW DESCRIBE DESC
  EXPLAIN EXECUTE COMPILE BEGIN END USE LOAD UNLOAD SET RESET ADD REMOVE ANALYZE TRUNCATE CALL
  STOP`);

export class StatementParser extends ShowParser {
  /** The next statement, without what separates it from the one behind. */
  statement(): StatementNode {
    const token = this.token;
    if (token.kind !== "word") return this.queryStatement();
    switch (token.value) {
      case "INSERT":
      case "UPSERT":
        return this.insert();
      case "UPDATE":
        return this.update();
      case "DELETE":
        return this.delete();
      case "CREATE":
        return this.createStatement();
      case "REPLACE":
        return this.replaceStatement();
      case "ALTER":
        return this.alterStatement();
      case "DROP":
        return this.dropStatement();
      case "SHOW":
        return this.showStatement();
      case "DESCRIBE":
      case "DESC":
        return this.describeStatement();
      case "EXPLAIN":
        return this.explain();
      case "EXECUTE":
        return this.execute();
      case "COMPILE":
        return this.compilePlan();
      case "MERGE":
        throw this.unsupported("MERGE", "Use INSERT into a table with a primary key.");
      default:
        return this.shortStatement(token.value);
    }
  }

  private shortStatement(word: string): StatementNode {
    const start = this.here();
    switch (word) {
      case "BEGIN":
      case "END":
        return this.statementSetBorder(start);
      case "USE":
        return this.use(start);
      case "LOAD":
        return this.loadModule(start);
      case "UNLOAD": {
        this.expect("UNLOAD", "MODULE");
        return { kind: "unloadModule", name: this.identifierPart(), span: this.spanFrom(start) };
      }
      case "SET":
        return this.set(start);
      case "RESET": {
        this.advance();
        const bare = this.bareSetting(/[^\s;=']+/y);
        if (bare !== undefined) return { kind: "reset", key: bare[0], span: this.spanFrom(start) };
        const key = this.atString() ? { key: this.stringValue() } : {};
        return { kind: "reset", ...key, span: this.spanFrom(start) };
      }
      case "ADD":
      case "REMOVE": {
        this.advance();
        this.expect("JAR");
        return { kind: "jar", action: word, path: this.stringValue(), span: this.spanFrom(start) };
      }
      case "ANALYZE":
        return this.analyze(start);
      case "TRUNCATE": {
        this.expect("TRUNCATE", "TABLE");
        const name = this.compoundIdentifier();
        return { kind: "truncateTable", name, span: this.spanFrom(start) };
      }
      case "CALL":
        return this.call(start);
      case "STOP":
        return this.stopJob(start);
      default:
        return this.queryStatement();
    }
  }

  private queryStatement(): StatementNode {
    if (!this.atQueryStart() && !this.peekIsOp(0, "(")) {
      for (const word of STARTERS) this.note(word);
      this.note("(");
      throw this.unexpected();
    }
    const query = this.query();
    return { kind: "queryStatement", query, span: query.span };
  }

  // ---------------------------------------------------------------------------------------- DML

  private insert(): InsertNode {
    const start = this.here();
    const upsert = this.expectOne("INSERT", "UPSERT") === "UPSERT";
    const at = this.here();
    const overwrite = this.expectOne("INTO", "OVERWRITE") === "OVERWRITE";
    if (upsert && overwrite) {
      throw this.notAllowed("OVERWRITE expression is only used with INSERT statement.", at);
    }
    if (overwrite) this.accept("INTO");
    const target = this.target();
    const partition = this.accept("PARTITION") ? this.partitionSpec() : [];
    const columns = this.columnListAhead() ? this.parenList(() => this.compoundIdentifier()) : [];
    const source = this.asQuery();
    const onConflict = this.acceptWords("ON", "CONFLICT") ? this.onConflict() : {};
    return {
      kind: "insert",
      upsert,
      overwrite,
      target,
      partition,
      columns,
      source,
      ...onConflict,
      span: this.spanFrom(start),
    };
  }

  private onConflict(): Pick<InsertNode, "onConflict"> {
    this.expect("DO");
    return { onConflict: this.expectOne("ERROR", "NOTHING", "DEDUPLICATE") };
  }

  private columnListAhead(): boolean {
    return this.atOp("(") && !this.nestedQueryAhead();
  }

  /** The table that DML writes to. */
  private target(): TableNode {
    const name = this.compoundIdentifier();
    const hints = this.hints();
    const extend = this.extendList();
    return { kind: "table", name, hints, extend, span: this.spanFrom(name.span) };
  }

  private aliasedTarget(): TableNode {
    const target = this.target();
    if (!this.accept("AS") && !this.atIdentifier()) return target;
    const name = this.identifierPart();
    return { ...target, alias: { name, columns: [], span: name.span } };
  }

  private update(): StatementNode {
    const start = this.here();
    this.expect("UPDATE");
    const target = this.aliasedTarget();
    this.expect("SET");
    const assignments = this.commaList(() => {
      const column = this.compoundIdentifier();
      this.expectOp("=");
      return { column, value: this.expression() };
    });
    const where = this.accept("WHERE") ? { where: this.expression() } : {};
    return { kind: "update", target, assignments, ...where, span: this.spanFrom(start) };
  }

  private delete(): StatementNode {
    const start = this.here();
    this.expect("DELETE", "FROM");
    const target = this.aliasedTarget();
    const where = this.accept("WHERE") ? { where: this.expression() } : {};
    return { kind: "delete", target, ...where, span: this.spanFrom(start) };
  }

  private call(start: Span): StatementNode {
    this.expect("CALL");
    const name = this.compoundIdentifier();
    const call = this.callOf(name);
    return { kind: "callProcedure", call, span: this.spanFrom(start) };
  }

  // ---------------------------------------------------------------------------- statement sets,
  // plans

  private statementSetBorder(start: Span): StatementNode {
    if (this.accept("END")) return { kind: "endStatementSet", span: this.spanFrom(start) };
    this.expect("BEGIN", "STATEMENT", "SET");
    return { kind: "beginStatementSet", span: this.spanFrom(start) };
  }

  private statementSet(): StatementSetNode {
    const start = this.here();
    this.expect("STATEMENT", "SET", "BEGIN");
    const inserts: InsertNode[] = [];
    do {
      inserts.push(this.insert());
      this.expectOp(";");
    } while (!this.accept("END"));
    return { kind: "statementSet", inserts, span: this.spanFrom(start) };
  }

  private atInsert(): boolean {
    return this.atAny("INSERT", "UPSERT");
  }

  private execute(): StatementNode {
    const start = this.here();
    this.expect("EXECUTE");
    if (this.peekIs(0, "PLAN") && this.tokenAhead(1).kind === "string") {
      this.advance();
      return { kind: "executePlan", path: this.stringValue(), span: this.spanFrom(start) };
    }
    const statement = this.executable();
    return { kind: "execute", statement, span: this.spanFrom(start) };
  }

  private executable(): StatementNode {
    if (this.at("STATEMENT")) return this.statementSet();
    if (this.atInsert()) return this.insert();
    return this.queryStatement();
  }

  private compilePlan(): StatementNode {
    const start = this.here();
    this.expect("COMPILE");
    const execute = this.acceptWords("AND", "EXECUTE");
    this.expect("PLAN");
    const path = this.stringValue();
    const ifNotExists = !execute && this.ifNotExists();
    this.expect("FOR");
    const statement = this.at("STATEMENT") ? this.statementSet() : this.insert();
    const span = this.spanFrom(start);
    return { kind: "compilePlan", path, ifNotExists, execute, statement, span };
  }

  private explain(): StatementNode {
    const start = this.here();
    this.expect("EXPLAIN");
    const details: ExplainDetail[] = [];
    if (this.acceptWords("PLAN", "FOR")) details.length = 0;
    else if (this.atAny(...EXPLAIN_DETAILS)) {
      details.push(...this.commaList(() => this.expectOne(...EXPLAIN_DETAILS)));
    }
    const execute = this.accept("EXECUTE");
    const statement = this.explained();
    return { kind: "explain", details, execute, statement, span: this.spanFrom(start) };
  }

  private explained(): StatementNode {
    if (this.at("CREATE")) return this.createStatement();
    if (this.at("REPLACE")) return this.replaceStatement();
    if (this.at("UPDATE")) return this.update();
    if (this.at("DELETE")) return this.delete();
    return this.executable();
  }

  // ---------------------------------------------------------------------------------------- the
  // others

  private use(start: Span): StatementNode {
    this.expect("USE");
    if (this.accept("MODULES")) {
      const names = this.commaList(() => this.identifierPart());
      return { kind: "useModules", names, span: this.spanFrom(start) };
    }
    const catalog = this.peekIs(0, "CATALOG") && this.isName(this.tokenAhead(1));
    if (catalog) this.advance();
    const name: IdentifierNode = catalog ? this.simpleIdentifier() : this.compoundIdentifier();
    const object = catalog ? "CATALOG" : "DATABASE";
    return { kind: "use", object, name, span: this.spanFrom(start) };
  }

  private loadModule(start: Span): StatementNode {
    this.expect("LOAD", "MODULE");
    const name = this.identifierPart();
    const options = this.withOptions();
    return { kind: "loadModule", name, options, span: this.spanFrom(start) };
  }

  private set(start: Span): SetNode {
    this.expect("SET");
    const bare = this.bareSetting(/([^\s;=']+)\s*=\s*(?:'([^']*)'|([^\s;]+))/y);
    if (bare !== undefined) {
      const span = this.spanFrom(start);
      const option = { key: bare[1]!, value: bare[2] ?? bare[3]!, span };
      return { kind: "set", option, span };
    }
    if (!this.atString()) return { kind: "set", span: this.spanFrom(start) };
    return { kind: "set", option: this.option(), span: this.spanFrom(start) };
  }

  /**
   * `SET k = v` and `RESET k` without quotes, as the SQL Client takes them: read from the text, not
   * from tokens.
   */
  private bareSetting(pattern: RegExp): RegExpExecArray | undefined {
    const { kind, start } = this.token;
    if (kind !== "word") return undefined;
    pattern.lastIndex = start;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    const end = start + found[0].length;
    while (this.token.kind !== "eof" && this.token.start < end) this.pos++;
    return found;
  }

  private analyze(start: Span): StatementNode {
    this.expect("ANALYZE", "TABLE");
    const name = this.compoundIdentifier();
    const partition = this.accept("PARTITION") ? this.partitionSpec("open") : [];
    this.expect("COMPUTE", "STATISTICS");
    const base = { kind: "analyzeTable", name, partition } as const;
    if (!this.accept("FOR")) {
      return { ...base, allColumns: false, columns: [], span: this.spanFrom(start) };
    }
    const allColumns = this.accept("ALL");
    this.expect("COLUMNS");
    const columns = allColumns ? [] : this.commaList(() => this.identifierPart());
    return { ...base, allColumns, columns, span: this.spanFrom(start) };
  }

  private stopJob(start: Span): StatementNode {
    this.expect("STOP", "JOB");
    const jobId = this.stringValue();
    let withSavepoint = false;
    let withDrain = false;
    while (this.at("WITH") && !withDrain) {
      const at = this.here();
      this.advance();
      if (!withSavepoint && this.accept("SAVEPOINT")) withSavepoint = true;
      else {
        this.expect("DRAIN");
        withDrain = true;
        if (!withSavepoint) {
          throw this.notAllowed("WITH DRAIN could only be used after WITH SAVEPOINT.", at);
        }
      }
    }
    return { kind: "stopJob", jobId, withSavepoint, withDrain, span: this.spanFrom(start) };
  }
}

const EXPLAIN_DETAILS = [
  "ESTIMATED_COST",
  "CHANGELOG_MODE",
  "JSON_EXECUTION_PLAN",
  "PLAN_ADVICE",
] as const;
