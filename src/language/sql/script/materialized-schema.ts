/**
 * ALTER MATERIALIZED TABLE ADD, MODIFY, DROP: the schema of a table whose query stays. What the query yields are the columns
 * that are kept, so that only what is beside them changes: computed and virtual columns, key, watermark and distribution, and
 * types and comments of columns that the query has.
 *
 * Source:  Flink SqlAlterMaterializedTableSchemaConverter, …DropSchemaConverter, MaterializedTableUtils, and their messages.
 */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { ResolvedTable, TableColumn } from "../catalog/catalog-objects.ts";
import { columnOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterMaterializedTableNode,
  AlterTableAction,
  IdentifierNode,
} from "../parser/ast.ts";
import { canCastImplicitly } from "../validator/type-system.ts";
import { alterTable } from "./alter-table.ts";
import type { SessionContext } from "./session-context.ts";

const STATEMENT = "ALTER MATERIALIZED TABLE";
const FAILED = `Failed to execute ${STATEMENT} statement.\n`;

type Elements = Extract<AlterTableAction, { readonly action: "add" | "modify" }>["elements"];
type Fail = (message: string) => never;

/** Changes the catalog's definition; `yields` are the columns of the table's query. */
export function alterMaterializedSchema(
  session: SessionContext,
  {
    table,
    node,
    action,
    yields,
  }: {
    readonly table: ResolvedTable;
    readonly node: AlterMaterializedTableNode;
    readonly action: AlterTableAction;
    readonly yields: readonly string[];
  },
): void {
  const fail: Fail = (message) => {
    throw validateErrors.TABLE_DEFINITION(
      { message: FAILED + message, remedy: "DESCRIBE shows the table's schema." },
      { at: node.span },
    );
  };
  if (action.action === "add" || action.action === "modify") kept(action.elements, yields, fail);
  const { name, span } = node;
  alterTable(session, { kind: "alterTable", ifExists: false, name, action, span }, STATEMENT);
  try {
    if (action.action === "dropColumns") dropped(table, action.columns, { yields, fail });
    const changed = session.catalog.lookup(namesOf(name));
    if (action.action === "modify" && changed?.kind === "table") modified(table, changed, fail);
  } catch (error) {
    session.catalog.replace(table);
    throw error;
  }
}

/** What is written must come from somewhere. */
function kept(elements: Elements, yields: readonly string[], fail: Fail): void {
  for (const element of elements) {
    if (element.kind === "constraint" || element.kind === "watermark") continue;
    const column = columnOf(element);
    if (!isKept(column) || yields.includes(column.name)) continue;
    const kind = column.kind === "metadata" ? "metadata persisted" : "physical";
    fail(
      `Invalid schema. All persisted (physical and metadata) columns in the schema part need to be present in the query part.\nHowever, ${kind} column \`${column.name}\` could not be found in the query.`,
    );
  }
}

/** A column that the query fills. */
export function isKept(
  column: Pick<TableColumn, "kind"> & { readonly virtual?: boolean },
): column is Exclude<TableColumn, { readonly kind: "computed" }> {
  return column.kind === "physical" || (column.kind === "metadata" && column.virtual !== true);
}

function dropped(
  table: ResolvedTable,
  columns: readonly IdentifierNode[],
  { yields, fail }: { readonly yields: readonly string[]; readonly fail: Fail },
): void {
  const names = columns.map((column) => namesOf(column).join("."));
  const used = names.filter((name) => yields.includes(name));
  if (used.length > 0)
    fail(`Column(s) (${used.map((name) => `'${name}'`).join(", ")}) are used in query.`);
  const persisted = table.columns.find((column) => names.includes(column.name) && isKept(column));
  if (persisted !== undefined)
    fail(
      `The column ${persisted.name} is persisted column. Dropping of persisted columns is not supported.`,
    );
}

/** A column stays of its kind, and what it held fits its new type. */
function modified(before: ResolvedTable, after: ResolvedTable, fail: Fail): void {
  for (const column of after.columns) {
    const old = before.columns.find(({ name }) => name === column.name);
    if (old === undefined) continue;
    if (old.kind !== column.kind)
      fail(
        `Changing of ${old.kind} column '${column.name}' to ${column.kind} column is not supported.`,
      );
    if (column.kind === "computed" || old.kind === "computed") continue;
    if (!canCastImplicitly(old.type, column.type))
      fail(
        `Column '${column.name}' with type ${typeToString(old.type)} can not be changed to type ${typeToString(column.type)}.`,
      );
  }
}

const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);
