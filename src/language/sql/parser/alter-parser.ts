/**
 * AlterParser: ALTER and DROP.
 *
 * Flow:    create-parser ← here ← statement-parser.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  AlterMaterializedTableAction,
  AlterObjectAction,
  AlterTableAction,
  AlterViewNode,
  DropNode,
  PartitionSpec,
  StatementNode,
} from "./ast.ts";
import { CreateParser } from "./create-parser.ts";

export abstract class AlterParser extends CreateParser {
  protected alterStatement(): StatementNode {
    const start = this.here();
    this.expect("ALTER");
    if (this.accept("TABLE")) {
      const ifExists = this.ifExists();
      const name = this.compoundIdentifier();
      const action = this.alterTableAction();
      return { kind: "alterTable", ifExists, name, action, span: this.spanFrom(start) };
    }
    if (this.accept("MATERIALIZED")) {
      this.expect("TABLE");
      const name = this.compoundIdentifier();
      const action = this.alterMaterializedAction();
      return { kind: "alterMaterializedTable", name, action, span: this.spanFrom(start) };
    }
    if (this.accept("VIEW")) {
      const name = this.compoundIdentifier();
      const action = this.alterViewAction();
      return { kind: "alterView", name, action, span: this.spanFrom(start) };
    }
    if (this.atAny("TEMPORARY", "FUNCTION")) return this.alterFunction(start);
    const object = this.expectOne("CATALOG", "DATABASE", "MODEL", "CONNECTION");
    const ifExists = (object === "MODEL" || object === "CONNECTION") && this.ifExists();
    const name = object === "CATALOG" ? this.simpleIdentifier() : this.compoundIdentifier();
    const action = this.alterObjectAction(object);
    return { kind: "alterObject", object, ifExists, name, action, span: this.spanFrom(start) };
  }

  private alterObjectAction(object: string): AlterObjectAction {
    if (this.accept("SET")) return { action: "setOptions", options: this.options() };
    if (object !== "DATABASE" && this.accept("RESET")) {
      return { action: "resetOptions", keys: this.optionKeys() };
    }
    if (object === "CATALOG" && this.accept("COMMENT")) {
      return { action: "setComment", comment: this.stringValue() };
    }
    if ((object === "MODEL" || object === "CONNECTION") && this.accept("RENAME")) {
      this.expect("TO");
      return { action: "rename", to: this.compoundIdentifier() };
    }
    throw this.unexpected();
  }

  private alterFunction(start: Span): StatementNode {
    const temporary = this.accept("TEMPORARY");
    const at = this.here();
    const system = this.accept("SYSTEM");
    if (system && !temporary) {
      throw this.notAllowed("ALTER SYSTEM FUNCTION is not supported", at);
    }
    this.expect("FUNCTION");
    const ifExists = this.ifExists();
    const name = system ? this.simpleIdentifier() : this.compoundIdentifier();
    this.expect("AS");
    const className = this.stringValue();
    const language = this.functionLanguage();
    const base = { kind: "alterFunction", temporary, system, ifExists, name, className } as const;
    return { ...base, ...language, span: this.spanFrom(start) };
  }

  private alterViewAction(): AlterViewNode["action"] {
    if (this.accept("RENAME")) {
      this.expect("TO");
      return { action: "rename", to: this.compoundIdentifier() };
    }
    if (this.accept("SET")) return { action: "setOptions", options: this.options() };
    this.expect("AS");
    return { action: "asQuery", query: this.asQuery() };
  }

  // ------------------------------------------------------------------------------------- tables

  private alterTableAction(): AlterTableAction {
    if (this.accept("RENAME")) return this.renameAction();
    if (this.accept("SET")) return { action: "setOptions", options: this.options() };
    if (this.accept("RESET")) return { action: "resetOptions", keys: this.optionKeys() };
    if (this.accept("ADD")) {
      if (this.at("PARTITION") || this.peekIs(0, "IF")) return this.addPartitions();
      return this.addOrModify("add");
    }
    if (this.accept("MODIFY")) return this.addOrModify("modify");
    this.expect("DROP");
    if (this.at("PARTITION") || (this.peekIs(0, "IF") && this.peekIs(1, "EXISTS"))) {
      return this.dropPartitions();
    }
    return this.dropAction();
  }

  private renameAction(): AlterTableAction {
    if (this.accept("TO")) return { action: "renameTable", to: this.compoundIdentifier() };
    const from = this.compoundIdentifier();
    this.expect("TO");
    return { action: "renameColumn", from, to: this.compoundIdentifier() };
  }

  private addOrModify(action: "add" | "modify"): AlterTableAction {
    if (this.accept("DISTRIBUTION")) {
      return { action: `${action}Distribution`, distribution: this.distribution() };
    }
    if (this.atOp("(")) return { action, elements: this.tableElements("alter") };
    return { action, elements: [this.tableElement("alter", [], false)] };
  }

  private dropAction(): AlterTableAction {
    if (this.accept("CONSTRAINT")) {
      return { action: "dropConstraint", name: this.identifierPart() };
    }
    if (this.accept("PRIMARY")) {
      this.expect("KEY");
      return { action: "dropPrimaryKey" };
    }
    if (this.accept("WATERMARK")) return { action: "dropWatermark" };
    if (this.accept("DISTRIBUTION")) return { action: "dropDistribution" };
    const columns = this.atOp("(")
      ? this.parenList(() => this.compoundIdentifier())
      : [this.compoundIdentifier()];
    return { action: "dropColumns", columns };
  }

  private addPartitions(): AlterTableAction {
    const ifNotExists = this.ifNotExists();
    const partitions = [];
    do {
      this.expect("PARTITION");
      const partition = this.partitionSpec();
      partitions.push({ partition, options: this.withOptions() });
    } while (this.at("PARTITION"));
    return { action: "addPartitions", ifNotExists, partitions };
  }

  private dropPartitions(): AlterTableAction {
    const ifExists = this.ifExists();
    const partitions: PartitionSpec[] = [];
    do {
      this.expect("PARTITION");
      partitions.push(this.partitionSpec());
    } while (this.acceptOp(","));
    return { action: "dropPartitions", ifExists, partitions };
  }

  private alterMaterializedAction(): AlterMaterializedTableAction {
    if (this.accept("SUSPEND")) return { action: "suspend" };
    if (this.accept("RESUME")) return { action: "resume", options: this.withOptions() };
    if (this.accept("REFRESH")) {
      return { action: "refresh", partition: this.accept("PARTITION") ? this.partitionSpec() : [] };
    }
    if (this.accept("SET")) return this.setMaterialized();
    if (this.accept("RESET")) return { action: "resetOptions", keys: this.optionKeys() };
    if (this.accept("ADD")) return this.addOrModify("add");
    if (this.accept("MODIFY")) return this.addOrModify("modify");
    if (this.accept("DROP")) return this.dropAction();
    if (this.accept("RENAME")) return this.renameAction();
    this.expect("AS");
    return { action: "asQuery", query: this.asQuery() };
  }

  private setMaterialized(): AlterMaterializedTableAction {
    if (this.accept("FRESHNESS")) return { action: "setFreshness", freshness: this.freshness() };
    if (this.accept("REFRESH_MODE")) {
      return { action: "setRefreshMode", refreshMode: this.refreshMode() };
    }
    if (this.accept("START_MODE")) return { action: "setStartMode", startMode: this.startMode() };
    return { action: "setOptions", options: this.options() };
  }

  // --------------------------------------------------------------------------------------- DROP

  protected dropStatement(): StatementNode {
    const start = this.here();
    this.expect("DROP");
    const temporary = this.accept("TEMPORARY");
    const at = this.here();
    const system = this.accept("SYSTEM");
    const object = this.dropObject(temporary, system, at);
    const ifExists = this.ifExists();
    const name = object === "CATALOG" ? this.simpleIdentifier() : this.compoundIdentifier();
    const behavior = this.dropBehavior(object);
    return {
      kind: "drop",
      object,
      temporary,
      system,
      ifExists,
      name,
      ...behavior,
      span: this.spanFrom(start),
    };
  }

  private dropBehavior(object: DropNode["object"]): Pick<DropNode, "behavior"> {
    if (object !== "DATABASE") return {};
    return { behavior: this.acceptOne("RESTRICT", "CASCADE") ?? "RESTRICT" };
  }

  private dropObject(temporary: boolean, system: boolean, at: Span): DropNode["object"] {
    if (system) {
      const object = this.expectOne("FUNCTION", "CONNECTION");
      if (temporary) return object;
      const noun = object === "FUNCTION" ? "functions" : "connections";
      throw this.notAllowed(
        `DROP SYSTEM ${object} is not supported, system ${noun} can only be dropped as temporary ${noun}, you can use DROP TEMPORARY SYSTEM ${object} instead.`,
        at,
      );
    }
    if (this.accept("MATERIALIZED")) {
      if (temporary)
        throw this.notAllowed("DROP TEMPORARY MATERIALIZED TABLE is not supported.", at);
      this.expect("TABLE");
      return "MATERIALIZED TABLE";
    }
    const object = this.acceptOne("TABLE", "VIEW", "FUNCTION", "MODEL", "CONNECTION");
    if (object !== undefined) return object;
    if (temporary) throw this.unexpected();
    return this.expectOne("CATALOG", "DATABASE");
  }
}
