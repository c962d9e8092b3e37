/**
 * A table's definition while it is being written or altered: computed columns and the watermark as syntax, not yet bound to
 * column positions. resolveDraft() binds them, so that columns may be added, moved and dropped before them.
 *
 * Flow:    CREATE TABLE, LIKE, ALTER TABLE → draft → resolveDraft → ResolvedTable.
 * Source:  Flink SchemaResolver. Errors: MR2121 what does not fit together.
 */
import {
  typeToString,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import type { Span } from "../../../foundation/base/errors.ts";
import { type Expression, input } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { ExpressionNode } from "../parser/ast.ts";
import { parseExpression } from "../parser/parser.ts";
import { unparseExpression } from "../parser/unparse-expressions.ts";
import { transform } from "../rel/expressions.ts";
import { ExpressionConverter } from "../validator/expression-converter.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import { Scope } from "../validator/scope.ts";
import type { ResolvedTable, TableColumn } from "./catalog-objects.ts";

export type PlainColumn = Exclude<TableColumn, { kind: "computed" }>;
export interface ComputedDraft {
  readonly kind: "computed";
  readonly name: string;
  readonly node: ExpressionNode;
  readonly comment?: string;
}
export type DraftColumn = PlainColumn | ComputedDraft;

export interface WatermarkDraft {
  readonly column: string;
  readonly node: ExpressionNode;
  readonly at?: Span;
}
export interface TableDraft {
  readonly columns: readonly DraftColumn[];
  readonly watermark?: WatermarkDraft;
  readonly primaryKey?: NonNullable<ResolvedTable["primaryKey"]>;
}

export function bad(message: string, remedy: string, at?: Span): Error {
  return validateErrors.TABLE_DEFINITION({ message, remedy }, at === undefined ? {} : { at });
}

/** The draft that resolves to this table again. */
export function draftOf(table: Pick<ResolvedTable, "columns" | "watermark" | "primaryKey">) {
  const { watermark, primaryKey } = table;
  const columns = table.columns.map((column): DraftColumn => {
    const comment = column.comment === undefined ? {} : { comment: column.comment };
    if (column.kind === "computed")
      return {
        kind: "computed",
        name: column.name,
        node: parseExpression(column.text),
        ...comment,
      };
    return { ...column, type: withoutTimeAttribute(column.type) };
  });
  const draft: TableDraft = {
    columns,
    ...(watermark === undefined
      ? {}
      : {
          watermark: {
            column: table.columns[watermark.column]!.name,
            node: parseExpression(watermark.text),
          },
        }),
    ...(primaryKey === undefined ? {} : { primaryKey }),
  };
  return draft;
}

/** Binds expressions to columns; key columns become NOT NULL. `at` is where errors of the whole lie. */
export function resolveDraft(
  context: PlannerContext,
  draft: TableDraft,
  at?: Span,
): Pick<ResolvedTable, "columns" | "watermark" | "primaryKey"> {
  const { primaryKey } = draft;
  const plain = draft.columns.filter((column) => column.kind !== "computed");
  const source = converterOver(context, plain, "a computed column");
  const columns = draft.columns.map((column): TableColumn => {
    const key = primaryKey?.columns.includes(column.name) ?? false;
    if (column.kind !== "computed")
      return key ? { ...column, type: withNullable(column.type, false) } : column;
    if (key)
      throw bad(
        `Could not create a PRIMARY KEY with column '${column.name}'. A PRIMARY KEY constraint must be declared on physical columns.`,
        "Choose a physical column.",
        at,
      );
    const { kind, name, node, comment } = column;
    const expression = source.convert(node);
    const more = comment === undefined ? {} : { comment };
    const text = expressionText(node);
    return { kind, name, expression, type: expression.type, text, ...more };
  });
  for (const name of primaryKey?.columns ?? [])
    if (!columns.some((column) => column.name === name))
      throw bad(
        `Primary key column '${name}' is not defined in the schema`,
        "Name a column of the table.",
        at,
      );
  return {
    ...withWatermark(context, columns, draft.watermark),
    ...(primaryKey === undefined ? {} : { primaryKey }),
  };
}

function withWatermark(
  context: PlannerContext,
  columns: readonly TableColumn[],
  draft: WatermarkDraft | undefined,
): Pick<ResolvedTable, "columns" | "watermark"> {
  if (draft === undefined) return { columns };
  const index = columns.findIndex((column) => column.name === draft.column);
  if (index < 0)
    throw bad(
      `The rowtime attribute field '${draft.column}' is not defined in the table schema`,
      "Name a column of the table; fields of a ROW need a computed column.",
      draft.at,
    );
  const { type } = columns[index]!;
  const fits = (type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ") && type.precision <= 3;
  if (!fits)
    throw bad(
      `Invalid data type of time field for watermark definition. The field must be of type TIMESTAMP(p) or TIMESTAMP_LTZ(p), the supported precision 'p' is from 0 to 3, but the time field type is ${typeToString(type)}`,
      "Cast the column to TIMESTAMP(3) in a computed column.",
      draft.at,
    );
  const converted = converterOver(context, columns, "WATERMARK").convert(draft.node);
  // SOURCE_WATERMARK() is what the connector says; engines take it as the rowtime itself.
  const expression = transform(converted, (e: Expression) =>
    e.kind === "call" && e.function === "SOURCE_WATERMARK" ? input(index, type) : e,
  );
  const marked = columns.with(index, {
    ...columns[index]!,
    type: { ...type, timeAttribute: "ROWTIME" },
  });
  return {
    columns: marked,
    watermark: { column: index, expression, text: expressionText(draft.node) },
  };
}

function converterOver(
  context: PlannerContext,
  columns: readonly Pick<TableColumn, "name" | "type">[],
  clause: string,
): ExpressionConverter {
  const fields = columns.map((c, index) => ({ name: c.name, type: c.type, index }));
  const table = { name: undefined, path: [], columns: fields };
  const scope = new Scope(context.newScopeId(), [table], undefined);
  return new ExpressionConverter(context, scope, { clause });
}

/** As DESCRIBE shows it: columns quoted, functions by their bare names, no parentheses around the whole. */
export function expressionText(node: ExpressionNode): string {
  const text = unparseExpression(node).replaceAll(/`([A-Z_0-9]+)`\(/gi, "$1(");
  return node.kind === "binary" ? text.replace(/^\(([\s\S]*)\)$/, "$1") : text;
}

/** Names of the columns that an expression reads: first parts of its identifiers. */
export function columnsRead(node: ExpressionNode): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (typeof value === "object" && value !== null) {
      const part = value as { kind?: unknown; parts?: readonly { name: string }[] };
      if (part.kind === "identifier" && part.parts?.[0] !== undefined)
        names.add(part.parts[0].name);
      else
        for (const [key, inner] of Object.entries(value))
          if (part.kind !== "call" || key !== "name") visit(inner);
    }
  };
  visit(node);
  return names;
}
