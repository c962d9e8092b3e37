/**
 * CREATE TABLE → ResolvedTable: columns, computed columns, watermark, primary key, partitions, options, LIKE, AS.
 *
 * Source: Flink SchemaResolver, MergeTableLikeUtil. Errors: MR2121 definitions that do not fit together.
 */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type {
  CreateTableNode,
  OptionNode,
  TableConstraintNode,
  TableElementNode,
  WatermarkNode,
} from "../parser/ast.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import { toLogicalType } from "../validator/data-type.ts";
import type { ObjectIdentifier, ResolvedTable, TableDistribution } from "./catalog-objects.ts";
import { bad, type DraftColumn, resolveDraft, type WatermarkDraft } from "./table-draft.ts";
import { type LikeParts, likeParts } from "./table-like.ts";

type QueryFields = readonly { readonly name: string; readonly type: LogicalType }[];
type DefinitionNode = Pick<
  CreateTableNode,
  "elements" | "partitionedBy" | "distribution" | "options" | "comment" | "span"
> &
  Partial<Pick<CreateTableNode, "like" | "temporary">>;

export function defineTable(
  context: PlannerContext,
  node: DefinitionNode,
  identifier: ObjectIdentifier,
  queryFields: QueryFields | undefined,
): ResolvedTable {
  const base = node.like === undefined ? undefined : likeParts(context, node.like);
  const columns = columnsOf(node.elements, base, queryFields);
  const primaryKey = primaryKeyOf(node.elements, columns) ?? base?.primaryKey;
  const watermark = watermarkOf(node.elements) ?? base?.watermark;
  const resolved = resolveDraft(
    context,
    {
      columns,
      ...(watermark === undefined ? {} : { watermark }),
      ...(primaryKey === undefined ? {} : { primaryKey }),
    },
    node.span,
  );
  const partitionKeys =
    node.partitionedBy.length > 0
      ? node.partitionedBy.map((part) => part.name)
      : (base?.partitionKeys ?? []);
  for (const name of partitionKeys)
    if (!columns.some((column) => column.name === name))
      throw bad(
        `Partition key '${name}' is no column of the table`,
        "Partition by a column.",
        node.span,
      );
  const distribution = distributionOf(node.distribution) ?? base?.distribution;
  for (const name of distribution?.columns ?? [])
    if (!columns.some((column) => column.name === name))
      throw bad(
        `Invalid bucket key '${name}'. A bucket key must reference a physical column in the schema. Available columns are: [${columns.map((column) => column.name).join(", ")}]`,
        "Distribute by columns of the table.",
        node.span,
      );
  return {
    kind: "table",
    identifier,
    temporary: node.temporary ?? false,
    ...(node.comment === undefined ? {} : { comment: node.comment }),
    ...resolved,
    partitionKeys,
    ...(distribution === undefined ? {} : { distribution }),
    options: { ...base?.options, ...optionsOf(node.options) },
  };
}

export function distributionOf(
  node: CreateTableNode["distribution"],
): TableDistribution | undefined {
  if (node === undefined) return undefined;
  const { method, columns, buckets } = node;
  return {
    columns: columns.map((column) => column.name),
    ...(method === undefined ? {} : { method }),
    ...(buckets === undefined ? {} : { buckets }),
  };
}

export function optionsOf(nodes: readonly OptionNode[]): Record<string, string> {
  return Object.fromEntries(nodes.map((option) => [option.key, option.value]));
}

function columnsOf(
  elements: readonly TableElementNode[],
  base: LikeParts | undefined,
  queryFields: QueryFields | undefined,
): DraftColumn[] {
  const columns: DraftColumn[] = [...(base?.columns ?? [])];
  const inherited = columns.length;
  for (const element of elements) {
    if (element.kind === "constraint" || element.kind === "watermark") continue;
    const made = columnOf(element, queryFields);
    const old = columns.findIndex((column) => column.name === made.name);
    if (old < 0) {
      columns.push(made);
      continue;
    }
    const replaceable = old < inherited && base !== undefined && base.overwrites(columns[old]!);
    if (!replaceable)
      throw bad(
        `A column named '${made.name}' already exists in the table.`,
        "Give each column its own name.",
        element.span,
      );
    columns[old] = made;
  }
  for (const field of queryFields ?? [])
    if (!columns.some((column) => column.name === field.name))
      columns.push({ kind: "physical", name: field.name, type: field.type });
  return columns;
}

export type ColumnElement = Exclude<TableElementNode, TableConstraintNode | WatermarkNode>;

export function columnOf(element: ColumnElement, queryFields?: QueryFields): DraftColumn {
  const name = element.name.parts.map((part) => part.name).join(".");
  const comment = element.comment === undefined ? {} : { comment: element.comment };
  switch (element.kind) {
    case "computedColumn":
      return { kind: "computed", name, node: element.expression, ...comment };
    case "physicalColumn":
      return { kind: "physical", name, type: toLogicalType(element.type), ...comment };
    case "metadataColumn":
      return {
        kind: "metadata",
        name,
        type: toLogicalType(element.type),
        virtual: element.virtual,
        ...(element.from === undefined ? {} : { metadataKey: element.from }),
        ...comment,
      };
    default: {
      const field = queryFields?.find((f) => f.name === name);
      if (field === undefined)
        throw bad(
          `Column '${name}' has no type`,
          "Write its type, or name a column of the query.",
          element.span,
        );
      return { kind: "physical", name, type: field.type, ...comment };
    }
  }
}

export function primaryKeyOf(
  elements: readonly TableElementNode[],
  columns: readonly DraftColumn[],
): ResolvedTable["primaryKey"] {
  const constraints = elements.flatMap((element) => {
    if (element.kind === "constraint") return [element];
    return element.kind === "physicalColumn" && element.constraint ? [element.constraint] : [];
  });
  if (constraints.length > 1)
    throw bad("Duplicate primary key definition", "Keep one PRIMARY KEY.", constraints[1]!.span);
  const [constraint] = constraints;
  if (constraint === undefined) return undefined;
  if (constraint.type === "UNIQUE")
    throw bad("UNIQUE constraint is not supported yet", "Use PRIMARY KEY.", constraint.span);
  if (constraint.enforced !== false)
    throw bad(
      "Flink doesn't support ENFORCED mode for PRIMARY KEY constraint. ENFORCED/NOT ENFORCED controls if the constraint checks are performed on the incoming/outgoing data. Flink does not own the data therefore the only supported mode is the NOT ENFORCED mode",
      "Write PRIMARY KEY (…) NOT ENFORCED.",
      constraint.span,
    );
  const names = constraint.columns.map((column) => column.name);
  for (const column of constraint.columns)
    if (!columns.some((c) => c.name === column.name))
      throw bad(
        `Primary key column '${column.name}' is not defined in the schema`,
        "Name a column of the table.",
        column.span,
      );
  return { name: constraint.name?.name ?? `PK_${names.join("_")}`, columns: names };
}

export function watermarkOf(elements: readonly TableElementNode[]): WatermarkDraft | undefined {
  const own = elements.find((element) => element.kind === "watermark");
  if (own === undefined) return undefined;
  const column = own.column.parts.map((part) => part.name).join(".");
  return { column, node: own.expression, at: own.column.span };
}
