/**
 * Syntax tree → text: Calcite's canonical form, with names in backticks and every operator in
 * parentheses.
 *
 * Flow:    ast.ts → here → SHOW CREATE, stored view definitions, plans, tests.
 * Example: unparse(parseStatement("select a+1 from t")) === "SELECT (`a` + 1)\nFROM `t`"
 * Rule:    what is written here is read again to the same text. Exceptions in form: CASE x WHEN y
 *          is written as CASE WHEN x = y, IN DECIMAL as in the tree, comments and blanks are gone.
 * Source:  Calcite's SqlPrettyWriter as Flink's parser tests use it.
 */
import type { DataTypeNode, ExpressionNode, QueryNode, ShowNode, StatementNode } from "./ast.ts";
import {
  asClause,
  commentClause,
  flag,
  unparseCreateFunction,
  unparseCreateMaterialized,
  unparseCreateModel,
  unparseCreateTable,
  unparseDrop,
  unparseMaterializedAction,
  unparseObjectAction,
  unparseOption,
  unparsePartition,
  unparseTableAction,
  unparseViewAction,
  withClause,
} from "./unparse-ddl.ts";
import { unparseExpression } from "./unparse-expressions.ts";
import { unparseHints, unparseQuery, unparseRelation } from "./unparse-queries.ts";
import { quoteName, quoteString, unparseName, unparseNames, unparseType } from "./unparse-types.ts";

export { unparseExpression, unparseQuery, unparseType };

const QUERY_KINDS: ReadonlySet<string> = new Set<QueryNode["kind"]>([
  "select",
  "values",
  "tableQuery",
  "setOperation",
  "orderedQuery",
  "with",
]);
const TYPE_KINDS: ReadonlySet<string> = new Set<DataTypeNode["kind"]>([
  "simpleType",
  "collectionType",
  "mapType",
  "rowType",
  "structuredType",
  "rawType",
  "intervalType",
  "namedType",
]);

/** The text of a statement, query, expression or type. */
export function unparse(node: StatementNode | QueryNode | ExpressionNode | DataTypeNode): string {
  if (QUERY_KINDS.has(node.kind)) return unparseQuery(node as QueryNode);
  if (TYPE_KINDS.has(node.kind)) return unparseType(node as DataTypeNode);
  return unparseStatement(node as StatementNode) ?? unparseExpression(node as ExpressionNode);
}

function unparseStatement(node: StatementNode): string | undefined {
  return unparseDml(node) ?? unparseDefinition(node) ?? unparseCommand(node);
}

function unparseDml(node: StatementNode): string | undefined {
  switch (node.kind) {
    case "queryStatement":
      return unparseQuery(node.query);
    case "insert":
      return unparseInsert(node);
    case "update": {
      const sets = node.assignments.map(
        (a) => `${unparseName(a.column)} = ${unparseExpression(a.value)}`,
      );
      const where = node.where === undefined ? "" : `\nWHERE ${unparseExpression(node.where)}`;
      return `UPDATE ${unparseRelation(node.target)} SET ${sets.join("\n, ")}${where}`;
    }
    case "delete": {
      const where = node.where === undefined ? "" : `\nWHERE ${unparseExpression(node.where)}`;
      return `DELETE FROM ${unparseRelation(node.target)}${where}`;
    }
    case "truncateTable":
      return `TRUNCATE TABLE ${unparseName(node.name)}`;
    case "beginStatementSet":
      return "BEGIN STATEMENT SET";
    case "endStatementSet":
      return "END";
    case "statementSet":
      return `STATEMENT SET BEGIN\n${node.inserts.map((i) => `${unparse(i)}\n;\n`).join("")}END`;
    case "execute":
      return `EXECUTE ${unparse(node.statement)}`;
    case "executePlan":
      return `EXECUTE PLAN ${quoteString(node.path)}`;
    case "compilePlan": {
      const verb = node.execute ? "COMPILE AND EXECUTE PLAN" : "COMPILE PLAN";
      const exists = flag(" IF NOT EXISTS", node.ifNotExists);
      return `${verb} ${quoteString(node.path)}${exists} FOR ${unparse(node.statement)}`;
    }
    case "explain": {
      const details = node.details.length === 0 ? "" : `${node.details.join(", ")} `;
      return `EXPLAIN ${details}${flag("EXECUTE ", node.execute)}${unparse(node.statement)}`;
    }
    case "callProcedure":
      return `CALL ${unparseExpression(node.call)}`;
    default:
      return undefined;
  }
}

function unparseInsert(node: Extract<StatementNode, { kind: "insert" }>): string {
  let text = `${node.upsert ? "UPSERT" : "INSERT"} ${node.overwrite ? "OVERWRITE" : "INTO"} `;
  text += unparseRelation(node.target);
  if (node.partition.length > 0) text += ` ${unparsePartition(node.partition)}\n`;
  if (node.columns.length > 0) {
    if (node.partition.length === 0) text += " ";
    text += `(${node.columns.map(unparseName).join(", ")})`;
  }
  text += `\n${unparseQuery(node.source)}`;
  return node.onConflict === undefined ? text : `${text}\nON CONFLICT DO ${node.onConflict}`;
}

function unparseDefinition(node: StatementNode): string | undefined {
  switch (node.kind) {
    case "createTable":
      return unparseCreateTable(node);
    case "alterTable": {
      const text = `ALTER TABLE ${flag("IF EXISTS ", node.ifExists)}${unparseName(node.name)}`;
      const lines = node.action.action.endsWith("Partitions") ? "\n" : " ";
      return text + lines + unparseTableAction(node.action);
    }
    case "createMaterializedTable":
      return unparseCreateMaterialized(node);
    case "alterMaterializedTable": {
      const action = unparseMaterializedAction(node.action);
      return `ALTER MATERIALIZED TABLE ${unparseName(node.name)}${action}`;
    }
    case "createView": {
      const name = flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
      const columns = node.columns.length === 0 ? "" : ` ${unparseNames(node.columns)}`;
      const head = `CREATE ${flag("TEMPORARY ", node.temporary)}VIEW ${name}${columns}`;
      return head + commentClause(node.comment) + asClause(node.query);
    }
    case "alterView":
      return `ALTER VIEW ${unparseName(node.name)}${unparseViewAction(node.action)}`;
    case "createCatalog": {
      const name = flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
      return `CREATE CATALOG ${name}${commentClause(node.comment)}${withClause(node.options)}`;
    }
    case "createDatabase":
      return unparseCreateDatabase(node);
    case "alterObject": {
      const name = flag("IF EXISTS ", node.ifExists) + unparseName(node.name);
      return `ALTER ${node.object} ${name} ${unparseObjectAction(node.action)}`;
    }
    case "createFunction":
      return unparseCreateFunction(node);
    case "alterFunction": {
      const scope = flag("TEMPORARY ", node.temporary) + flag("SYSTEM ", node.system);
      const name = flag("IF EXISTS ", node.ifExists) + unparseName(node.name);
      const language = node.language === undefined ? "" : ` LANGUAGE ${node.language}`;
      return `ALTER ${scope}FUNCTION ${name} AS ${quoteString(node.className)}${language}`;
    }
    case "createModel":
      return unparseCreateModel(node);
    case "createConnection": {
      const scope = flag("TEMPORARY ", node.temporary) + flag("SYSTEM ", node.system);
      const name = flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
      const comment = commentClause(node.comment);
      return `CREATE ${scope}CONNECTION ${name}${comment}${withClause(node.options)}`;
    }
    case "drop":
      return unparseDrop(node);
    default:
      return undefined;
  }
}

function unparseCreateDatabase(node: Extract<StatementNode, { kind: "createDatabase" }>): string {
  const name = flag("IF NOT EXISTS ", node.ifNotExists) + unparseName(node.name);
  let text = `CREATE DATABASE ${name}${commentClause(node.comment)}${withClause(node.options)}`;
  if (node.source === undefined) return text;
  const { including, excluding, hints } = node.source;
  text += `\nAS DATABASE ${unparseName(node.source.name)}`;
  if (including === undefined) text += " INCLUDING ALL TABLES";
  else text += ` INCLUDING TABLE ${including.map(quoteString).join(", ")}`;
  if (excluding.length > 0) text += ` EXCLUDING TABLE ${excluding.map(quoteString).join(", ")}`;
  return text + unparseHints(hints);
}

function unparseCommand(node: StatementNode): string | undefined {
  switch (node.kind) {
    case "analyzeTable": {
      const partition = node.partition.length === 0 ? "" : ` ${unparsePartition(node.partition)}`;
      let columns = node.allColumns ? " FOR ALL COLUMNS" : "";
      if (node.columns.length > 0) {
        columns = ` FOR COLUMNS ${node.columns.map((c) => quoteName(c.name)).join(", ")}`;
      }
      return `ANALYZE TABLE ${unparseName(node.name)}${partition} COMPUTE STATISTICS${columns}`;
    }
    case "show":
      return unparseShow(node);
    case "showCreate": {
      const alter = flag("OR ALTER ", node.orAlter);
      return `SHOW CREATE ${alter}${node.object} ${unparseName(node.name)}`;
    }
    case "describe": {
      const object = node.object === "TABLE" ? "" : `${node.object} `;
      return `DESCRIBE ${object}${flag("EXTENDED ", node.extended)}${unparseName(node.name)}`;
    }
    case "describeJob":
      return `DESCRIBE JOB ${quoteString(node.jobId)}`;
    case "stopJob": {
      const savepoint = flag(" WITH SAVEPOINT", node.withSavepoint);
      return `STOP JOB ${quoteString(node.jobId)}${savepoint}${flag(" WITH DRAIN", node.withDrain)}`;
    }
    case "use":
      return `USE ${flag("CATALOG ", node.object === "CATALOG")}${unparseName(node.name)}`;
    case "useModules":
      return `USE MODULES ${node.names.map((n) => quoteName(n.name)).join(", ")}`;
    case "loadModule":
      return `LOAD MODULE ${quoteName(node.name.name)}${withClause(node.options)}`;
    case "unloadModule":
      return `UNLOAD MODULE ${quoteName(node.name.name)}`;
    case "set":
      return node.option === undefined ? "SET" : `SET ${unparseOption(node.option)}`;
    case "reset":
      return node.key === undefined ? "RESET" : `RESET ${quoteString(node.key)}`;
    case "jar":
      return `${node.action} JAR ${quoteString(node.path)}`;
    default:
      return undefined;
  }
}

function unparseShow(node: ShowNode): string {
  let text = `SHOW ${node.object}`;
  if (node.preposition !== undefined) text += ` ${node.preposition}`;
  if (node.name !== undefined) text += ` ${unparseName(node.name)}`;
  if (node.partition.length > 0) text += ` ${unparsePartition(node.partition)}`;
  if (node.like === undefined) return text;
  const { negated, operator, pattern } = node.like;
  return `${text} ${flag("NOT ", negated)}${operator} ${quoteString(pattern)}`;
}
