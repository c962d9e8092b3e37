/** LIKE: which parts of the source table CREATE TABLE … LIKE takes over. Source: Flink MergeTableLikeUtil. */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import { validateErrors } from "../errors.ts";
import type { TableLikeNode } from "../parser/ast.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import type { ResolvedTable } from "./catalog-objects.ts";

export type LikeParts = Pick<
  ResolvedTable,
  "columns" | "watermark" | "primaryKey" | "partitionKeys" | "options" | "distribution"
> & { readonly overwrites: boolean };

type Feature = TableLikeNode["options"][number]["feature"];

export function likeParts(context: PlannerContext, node: TableLikeNode): LikeParts {
  const name = node.source.parts.map((part) => part.name);
  const source = context.resolveTable(name);
  if (source?.kind !== "table")
    throw validateErrors.TABLE_NOT_FOUND({ name: name.join(".") }, { at: node.source.span });
  const setting = (feature: Feature): string => {
    const own = node.options.find((option) => option.feature === feature)?.merging;
    const all = node.options.find((option) => option.feature === "ALL")?.merging;
    return own ?? all ?? (feature === "OPTIONS" ? "OVERWRITING" : "INCLUDING");
  };
  const included = (feature: Feature) => setting(feature) !== "EXCLUDING";
  const kept = source.columns
    .map((column, old) => ({ column, old }))
    .filter(
      ({ column }) =>
        column.kind === "physical" ||
        (column.kind === "computed" ? included("GENERATED") : included("METADATA")),
    );
  const withWatermark =
    source.watermark !== undefined &&
    included("WATERMARKS") &&
    kept.length === source.columns.length;
  const columns = kept.map(({ column, old }) =>
    old === source.watermark?.column && !withWatermark
      ? { ...column, type: withoutTimeAttribute(column.type) }
      : column,
  );
  return {
    columns,
    overwrites: setting("GENERATED") === "OVERWRITING" || setting("METADATA") === "OVERWRITING",
    ...(withWatermark ? { watermark: source.watermark } : {}),
    ...(source.primaryKey !== undefined && included("CONSTRAINTS")
      ? { primaryKey: source.primaryKey }
      : {}),
    partitionKeys: included("PARTITIONS") ? source.partitionKeys : [],
    ...(source.distribution !== undefined && included("DISTRIBUTION")
      ? { distribution: source.distribution }
      : {}),
    options: included("OPTIONS") ? source.options : {},
  };
}
