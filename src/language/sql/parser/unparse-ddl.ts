/**
 * Syntax tree → text, for CREATE, ALTER and DROP; see unparse.ts.
 */
import type {
  AlterMaterializedTableAction,
  AlterObjectAction,
  AlterTableAction,
  AlterViewNode,
  CreateFunctionNode,
  CreateMaterializedTableNode,
  CreateModelNode,
  CreateTableNode,
  DistributionNode,
  DropNode,
  OptionNode,
  PartitionSpec,
  QueryNode,
  StartMode,
  TableConstraintNode,
  TableElementNode,
} from "./ast.ts";
import { unparseExpression } from "./unparse-expressions.ts";
import { unparseHints, unparseQuery } from "./unparse-queries.ts";
import { quoteName, quoteString, unparseName, unparseNames, unparseType } from "./unparse-types.ts";

export const flag = (text: string, on: boolean): string => (on ? text : "");

/** `(`, the items on lines of their own, `)`. */
export function block(items: readonly string[]): string {
  return items.length === 0 ? "(\n)" : `(\n  ${items.join(",\n  ")}\n)`;
}

export function unparseOption(option: OptionNode): string {
  return `${quoteString(option.key)} = ${quoteString(option.value)}`;
}

export function unparseOptions(options: readonly OptionNode[]): string {
  return block(options.map(unparseOption));
}

export function withClause(options: readonly OptionNode[]): string {
  return options.length === 0 ? "" : `\nWITH ${unparseOptions(options)}`;
}

export function commentClause(comment: string | undefined, separator = "\n"): string {
  return comment === undefined ? "" : `${separator}COMMENT ${quoteString(comment)}`;
}

export function asClause(query: QueryNode): string {
  return `\nAS\n${unparseQuery(query)}`;
}

export function unparsePartition(partition: PartitionSpec): string {
  const entries = partition.map(({ name, value }) => {
    const shown = quoteName(name.name);
    return value === undefined ? shown : `${shown} = ${unparseExpression(value)}`;
  });
  return `PARTITION (${entries.join(", ")})`;
}

// ---------------------------------------------------------------------------------------- table
// elements

function unparseConstraint(node: TableConstraintNode, columns: string): string {
  const name = node.name === undefined ? "" : `CONSTRAINT ${quoteName(node.name.name)} `;
  let enforced = "";
  if (node.enforced !== undefined) enforced = node.enforced ? " ENFORCED" : " NOT ENFORCED";
  return `${name}${node.type}${columns}${enforced}`;
}

export function unparseElement(element: TableElementNode): string {
  if (element.kind === "constraint") {
    return unparseConstraint(element, ` ${unparseNames(element.columns)}`);
  }
  if (element.kind === "watermark") {
    const expression = unparseExpression(element.expression);
    return `WATERMARK FOR ${unparseName(element.column)} AS ${expression}`;
  }
  let text = unparseName(element.name);
  if (element.kind === "computedColumn") text += ` AS ${unparseExpression(element.expression)}`;
  if (element.kind === "physicalColumn") {
    text += ` ${unparseType(element.type)}`;
    if (element.constraint !== undefined) text += ` ${unparseConstraint(element.constraint, "")}`;
  }
  if (element.kind === "metadataColumn") {
    text += ` ${unparseType(element.type)} METADATA`;
    if (element.from !== undefined) text += ` FROM ${quoteString(element.from)}`;
    text += flag(" VIRTUAL", element.virtual);
  }
  text += commentClause(element.comment, " ");
  if (element.position === undefined) return text;
  if ("first" in element.position) return `${text} FIRST`;
  return `${text} AFTER ${unparseName(element.position.after)}`;
}

function unparseElements(elements: readonly TableElementNode[]): string {
  return block(elements.map(unparseElement));
}

function elementsClause(elements: readonly TableElementNode[]): string {
  return elements.length === 0 ? "" : ` ${unparseElements(elements)}`;
}

function unparseDistribution(node: DistributionNode): string {
  const by =
    node.columns.length === 0 ? "" : ` BY ${node.method ?? ""}${unparseNames(node.columns)}`;
  const into = node.buckets === undefined ? "" : ` INTO ${node.buckets} BUCKETS`;
  return by + into;
}

// --------------------------------------------------------------------------------------- CREATE
// TABLE

export function unparseCreateTable(node: CreateTableNode): string {
  let text = `${node.verb} ${flag("TEMPORARY ", node.temporary)}TABLE `;
  text += flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
  text += tableBody(node);
  if (node.connection !== undefined) text += `\nUSING CONNECTION ${unparseName(node.connection)}`;
  text += withClause(node.options);
  if (node.like !== undefined) {
    text += `\nLIKE ${unparseName(node.like.source)}`;
    const lines = node.like.options.map((o) => `  ${o.merging} ${o.feature}\n`);
    if (lines.length > 0) text += ` (\n${lines.join("")})`;
  }
  if (node.query !== undefined) text += asClause(node.query);
  if (node.sourceTable !== undefined) {
    const { name, hints, addColumns } = node.sourceTable;
    text += `\nAS TABLE ${unparseName(name)}${unparseHints(hints)}`;
    if (addColumns.length > 0) text += `\nADD COLUMN ${unparseElements(addColumns)}`;
  }
  return text;
}

function tableBody(node: CreateTableNode | CreateMaterializedTableNode): string {
  let text = elementsClause(node.elements) + commentClause(node.comment);
  if (node.distribution !== undefined) {
    text += `\nDISTRIBUTED${unparseDistribution(node.distribution)}`;
  }
  if (node.partitionedBy.length > 0) text += `\nPARTITIONED BY ${unparseNames(node.partitionedBy)}`;
  return text;
}

export function unparseCreateMaterialized(node: CreateMaterializedTableNode): string {
  let text = `${node.verb} MATERIALIZED TABLE ${flag("IF NOT EXISTS ", node.ifNotExists)}`;
  text += unparseName(node.name) + tableBody(node) + withClause(node.options);
  if (node.startMode !== undefined) text += `\nSTART_MODE = ${unparseStartMode(node.startMode)}`;
  if (node.freshness !== undefined) {
    text += `\nFRESHNESS = ${unparseExpression(node.freshness)}`;
  }
  if (node.refreshMode !== undefined) text += `\nREFRESH_MODE = ${node.refreshMode}`;
  return text + asClause(node.query);
}

export function unparseStartMode(mode: StartMode): string {
  if ("timestamp" in mode) return `${mode.mode}(${unparseExpression(mode.timestamp)})`;
  if (!("interval" in mode) || mode.interval === undefined) return mode.mode;
  return `${mode.mode}(${unparseExpression(mode.interval)})`;
}

export function unparseCreateModel(node: CreateModelNode): string {
  let text = `CREATE ${flag("TEMPORARY ", node.temporary)}MODEL `;
  text += flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
  if (node.input.length > 0) text += ` INPUT ${unparseElements(node.input)}`;
  if (node.output.length > 0) text += ` OUTPUT ${unparseElements(node.output)}`;
  text += commentClause(node.comment) + withClause(node.options);
  return node.query === undefined ? text : text + asClause(node.query);
}

export function unparseCreateFunction(node: CreateFunctionNode): string {
  const scope = flag("TEMPORARY ", node.temporary) + flag("SYSTEM ", node.system);
  let text = `CREATE ${scope}FUNCTION ${flag("IF NOT EXISTS ", node.ifNotExists)}`;
  text += `${unparseName(node.name)} AS ${quoteString(node.className)}`;
  if (node.language !== undefined) text += ` LANGUAGE ${node.language}`;
  if (node.resources.length > 0) {
    text += ` USING ${node.resources.map((r) => `${r.type} ${quoteString(r.path)}`).join(", ")}`;
  }
  return text + withClause(node.options);
}

// ---------------------------------------------------------------------------------------- ALTER
// and DROP

export function unparseTableAction(action: AlterTableAction): string {
  switch (action.action) {
    case "renameTable":
      return `RENAME TO ${unparseName(action.to)}`;
    case "renameColumn":
      return `RENAME ${unparseName(action.from)} TO ${unparseName(action.to)}`;
    case "setOptions":
    case "resetOptions":
      return unparseObjectAction(action);
    case "add":
    case "modify":
      return `${action.action.toUpperCase()} ${unparseElements(action.elements)}`;
    case "addDistribution":
      return `ADD DISTRIBUTION${unparseDistribution(action.distribution)}`;
    case "modifyDistribution":
      return `MODIFY DISTRIBUTION${unparseDistribution(action.distribution)}`;
    case "dropColumns":
      return `DROP ${block(action.columns.map(unparseName))}`;
    case "dropConstraint":
      return `DROP CONSTRAINT ${quoteName(action.name.name)}`;
    case "dropPrimaryKey":
      return "DROP PRIMARY KEY";
    case "dropWatermark":
      return "DROP WATERMARK";
    case "dropDistribution":
      return "DROP DISTRIBUTION";
    case "addPartitions":
    case "dropPartitions":
      return unparsePartitionAction(action);
  }
}

function unparsePartitionAction(
  action: Extract<AlterTableAction, { action: "addPartitions" | "dropPartitions" }>,
): string {
  if (action.action === "dropPartitions") {
    const list = action.partitions.map(unparsePartition).join(",\n");
    return `DROP${flag(" IF EXISTS", action.ifExists)}\n${list}`;
  }
  const list = action.partitions.map(({ partition, options }) => {
    const text = unparsePartition(partition);
    return options.length === 0 ? text : `${text} WITH (${options.map(unparseOption).join(", ")})`;
  });
  return `ADD${flag(" IF NOT EXISTS", action.ifNotExists)}\n${list.join("\n")}`;
}

export function unparseMaterializedAction(action: AlterMaterializedTableAction): string {
  switch (action.action) {
    case "suspend":
      return " SUSPEND";
    case "resume":
      return ` RESUME${withClause(action.options)}`;
    case "refresh":
      if (action.partition.length === 0) return " REFRESH";
      return ` REFRESH ${unparsePartition(action.partition)}`;
    case "setFreshness":
      return ` SET FRESHNESS = ${unparseExpression(action.freshness)}`;
    case "setRefreshMode":
      return ` SET REFRESH_MODE = ${action.refreshMode}`;
    case "setStartMode":
      return ` SET START_MODE = ${unparseStartMode(action.startMode)}`;
    case "asQuery":
      return asClause(action.query);
    default:
      return ` ${unparseTableAction(action)}`;
  }
}

export function unparseObjectAction(action: AlterObjectAction): string {
  switch (action.action) {
    case "setOptions":
      return `SET ${unparseOptions(action.options)}`;
    case "resetOptions":
      return `RESET ${block(action.keys.map(quoteString))}`;
    case "setComment":
      return `COMMENT ${quoteString(action.comment)}`;
    case "rename":
      return `RENAME TO ${unparseName(action.to)}`;
  }
}

export function unparseViewAction(action: AlterViewNode["action"]): string {
  if (action.action === "asQuery") return asClause(action.query);
  return ` ${unparseObjectAction(action)}`;
}

export function unparseDrop(node: DropNode): string {
  const scope = flag("TEMPORARY ", node.temporary) + flag("SYSTEM ", node.system);
  const behavior = node.behavior === undefined ? "" : ` ${node.behavior}`;
  const exists = flag("IF EXISTS ", node.ifExists);
  return `DROP ${scope}${node.object} ${exists}${unparseName(node.name)}${behavior}`;
}
