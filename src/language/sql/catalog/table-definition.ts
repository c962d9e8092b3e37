/**
 * CREATE TABLE → ResolvedTable: columns, computed columns, watermark, primary key, partitions, options, LIKE, AS.
 *
 * Source: Flink SchemaResolver, MergeTableLikeUtil. Errors: MR2121 definitions that do not fit together.
 */
import {
  type LogicalType,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { Span } from "../../../foundation/base/errors.ts";
import { type Expression, input } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type {
  CreateTableNode,
  ExpressionNode,
  OptionNode,
  TableConstraintNode,
  TableElementNode,
  WatermarkNode,
} from "../parser/ast.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { transform } from "../rel/expressions.ts";
import { ExpressionConverter } from "../validator/expression-converter.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import { Scope } from "../validator/scope.ts";
import { toLogicalType } from "../validator/data-type.ts";
import type { ObjectIdentifier, ResolvedTable, TableColumn } from "./catalog-objects.ts";
import { type LikeParts, likeParts } from "./table-like.ts";

export function bad(message: string, remedy: string, at?: Span): Error {
  return validateErrors.TABLE_DEFINITION({ message, remedy }, at === undefined ? {} : { at });
}

export function defineTable(
  context: PlannerContext,
  node: CreateTableNode,
  identifier: ObjectIdentifier,
  queryFields: readonly { readonly name: string; readonly type: LogicalType }[] | undefined,
): ResolvedTable {
  const base = node.like === undefined ? undefined : likeParts(context, node.like);
  const options = { ...base?.options, ...optionsOf(node.options) };
  const columns = columnsOf(context, node.elements, base, queryFields);
  const key = primaryKeyOf(node.elements, columns) ?? base?.primaryKey;
  const keyed = columns.map((column) =>
    key?.columns.includes(column.name) && column.kind !== "computed"
      ? { ...column, type: withNullable(column.type, false) }
      : column,
  );
  checkKey(key, keyed, node);
  const partitionKeys =
    node.partitionedBy.length > 0
      ? node.partitionedBy.map((part) => part.name)
      : (base?.partitionKeys ?? []);
  for (const name of partitionKeys)
    if (!keyed.some((column) => column.name === name))
      throw bad(
        `Partition key '${name}' is no column of the table`,
        "Partition by a column.",
        node.span,
      );
  const { columns: all, watermark } = watermarkOf(context, node.elements, keyed, base);
  return {
    kind: "table",
    identifier,
    temporary: node.temporary,
    ...(node.comment === undefined ? {} : { comment: node.comment }),
    columns: all,
    ...(watermark === undefined ? {} : { watermark }),
    ...(key === undefined ? {} : { primaryKey: key }),
    partitionKeys,
    ...distributionOf(node, base),
    options,
  };
}

function distributionOf(
  node: CreateTableNode,
  base: LikeParts | undefined,
): Pick<ResolvedTable, "distribution"> {
  if (node.distribution === undefined)
    return base?.distribution === undefined ? {} : { distribution: base.distribution };
  const { method, columns, buckets } = node.distribution;
  return {
    distribution: {
      columns: columns.map((column) => column.name),
      ...(method === undefined ? {} : { method }),
      ...(buckets === undefined ? {} : { buckets }),
    },
  };
}

export function optionsOf(nodes: readonly OptionNode[]): Record<string, string> {
  return Object.fromEntries(nodes.map((option) => [option.key, option.value]));
}

function columnsOf(
  context: PlannerContext,
  elements: readonly TableElementNode[],
  base: LikeParts | undefined,
  queryFields: readonly { readonly name: string; readonly type: LogicalType }[] | undefined,
): TableColumn[] {
  const plain: (TableColumn | undefined)[] = [...(base?.columns ?? [])];
  const computed: { at: number; name: string; node: ExpressionNode; comment?: string }[] = [];
  for (const element of elements) {
    if (element.kind === "constraint" || element.kind === "watermark") continue;
    const name = element.name.parts.map((part) => part.name).join(".");
    const comment = element.comment === undefined ? {} : { comment: element.comment };
    const old = plain.findIndex((column) => column?.name === name);
    if (element.kind === "computedColumn") {
      const at = old >= 0 && base !== undefined ? old : plain.push(undefined) - 1;
      plain[at] = undefined;
      computed.push({ at, name, node: element.expression, ...comment });
      continue;
    }
    const made = plainColumn(element, name, comment, queryFields);
    if (old >= 0) {
      if (base === undefined || !base.overwrites)
        throw bad(
          `A column named '${name}' already exists in the table.`,
          "Give each column its own name.",
          element.span,
        );
      plain[old] = made;
    } else plain.push(made);
  }
  for (const field of queryFields ?? [])
    if (!plain.some((column) => column?.name === field.name))
      plain.push({ kind: "physical", name: field.name, type: field.type });
  resolveComputed(context, plain, computed);
  return plain as TableColumn[];
}

function plainColumn(
  element: Exclude<TableElementNode, TableConstraintNode | WatermarkNode>,
  name: string,
  comment: { comment?: string },
  queryFields: readonly { readonly name: string; readonly type: LogicalType }[] | undefined,
): TableColumn {
  switch (element.kind) {
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

/** Computed columns see physical and metadata columns, not each other. */
function resolveComputed(
  context: PlannerContext,
  columns: (TableColumn | undefined)[],
  computed: readonly { at: number; name: string; node: ExpressionNode; comment?: string }[],
): void {
  const source = columns.filter((c) => c !== undefined && c.kind !== "computed") as TableColumn[];
  const fields = source.map((c, index) => ({ name: c.name, type: c.type, index }));
  const scope = new Scope(
    context.newScopeId(),
    [{ name: undefined, path: [], columns: fields }],
    undefined,
  );
  const converter = new ExpressionConverter(context, scope, { clause: "a computed column" });
  for (const { at, name, node, comment } of computed) {
    const expression = converter.convert(node);
    columns[at] = {
      kind: "computed",
      name,
      expression,
      type: expression.type,
      text: expressionText(node),
      ...(comment === undefined ? {} : { comment }),
    };
  }
}

function primaryKeyOf(
  elements: readonly TableElementNode[],
  columns: readonly TableColumn[],
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

function checkKey(
  key: ResolvedTable["primaryKey"],
  columns: readonly TableColumn[],
  node: CreateTableNode,
): void {
  for (const name of key?.columns ?? []) {
    const column = columns.find((c) => c.name === name);
    if (column?.kind === "computed")
      throw bad(
        `Could not create a PRIMARY KEY with column '${name}'. A PRIMARY KEY constraint must be declared on physical columns.`,
        "Choose a physical column.",
        node.span,
      );
  }
}

function watermarkOf(
  context: PlannerContext,
  elements: readonly TableElementNode[],
  columns: readonly TableColumn[],
  base: LikeParts | undefined,
): Pick<ResolvedTable, "columns" | "watermark"> {
  const own = elements.find((element) => element.kind === "watermark");
  if (own === undefined) {
    if (base?.watermark === undefined) return { columns };
    return { columns: marked(columns, base.watermark.column), watermark: base.watermark };
  }
  const name = own.column.parts.map((part) => part.name).join(".");
  const index = columns.findIndex((column) => column.name === name);
  if (index < 0)
    throw bad(
      `The rowtime attribute field '${name}' is not defined in the table schema`,
      "Name a column of the table; fields of a ROW need a computed column.",
      own.column.span,
    );
  const { type } = columns[index]!;
  const fits = (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ") && type.precision <= 3;
  if (!fits)
    throw bad(
      `Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is ${typeToString(type)}`,
      "Cast the column to TIMESTAMP(3) in a computed column.",
      own.span,
    );
  const fields = columns.map((c, i) => ({ name: c.name, type: c.type, index: i }));
  const scope = new Scope(
    context.newScopeId(),
    [{ name: undefined, path: [], columns: fields }],
    undefined,
  );
  const converter = new ExpressionConverter(context, scope, { clause: "WATERMARK" });
  const expression = sourceWatermark(converter.convert(own.expression), index, type);
  return {
    columns: marked(columns, index),
    watermark: { column: index, expression, text: expressionText(own.expression) },
  };
}

/** As DESCRIBE shows it: columns quoted, functions by their bare names, no parentheses around the whole. */
export function expressionText(node: ExpressionNode): string {
  const text = unparseExpression(node).replaceAll(/`([A-Z_0-9]+)`\(/gi, "$1(");
  return node.kind === "binary" ? text.replace(/^\(([\s\S]*)\)$/, "$1") : text;
}

/** SOURCE_WATERMARK() is what the connector says; engines take it as the rowtime itself. */
function sourceWatermark(expression: Expression, index: number, type: LogicalType): Expression {
  return transform(expression, (e) =>
    e.kind === "call" && e.function === "SOURCE_WATERMARK" ? input(index, type) : e,
  );
}

function marked(columns: readonly TableColumn[], index: number): TableColumn[] {
  return columns.map((column, i) => {
    const { type } = column;
    if (i !== index || (type.kind !== "TIMESTAMP" && type.kind !== "TIMESTAMP_LTZ")) return column;
    return { ...column, type: { ...type, timeAttribute: "ROWTIME" } };
  });
}
