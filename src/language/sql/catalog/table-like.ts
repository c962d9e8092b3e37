/** LIKE: which parts of the source table CREATE TABLE … LIKE takes over. Source: Flink MergeTableLikeUtil. */
import { validateErrors } from "../errors.ts";
import type { TableLikeNode } from "../parser/ast.ts";
import type { PlannerContext } from "../validator/planner-context.ts";
import type { ResolvedTable } from "./catalog-objects.ts";
import { type DraftColumn, draftOf, type TableDraft } from "./table-draft.ts";

export type LikeParts = TableDraft &
  Pick<ResolvedTable, "partitionKeys" | "options" | "distribution"> & {
    /** Whether a column of the new table may take the place of this one. */
    readonly overwrites: (column: DraftColumn) => boolean;
  };

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
  const { columns, watermark, primaryKey } = draftOf(source);
  const featureOf = (column: DraftColumn): Feature | undefined =>
    column.kind === "physical" ? undefined : column.kind === "computed" ? "GENERATED" : "METADATA";
  const kept = columns.filter((column) => {
    const feature = featureOf(column);
    return feature === undefined || included(feature);
  });
  const withWatermark =
    watermark !== undefined &&
    included("WATERMARKS") &&
    kept.some((column) => column.name === watermark.column);
  return {
    columns: kept,
    overwrites: (column) => {
      const feature = featureOf(column);
      return feature !== undefined && setting(feature) === "OVERWRITING";
    },
    ...(withWatermark ? { watermark } : {}),
    ...(primaryKey !== undefined && included("CONSTRAINTS") ? { primaryKey } : {}),
    partitionKeys: included("PARTITIONS") ? source.partitionKeys : [],
    ...(source.distribution !== undefined && included("DISTRIBUTION")
      ? { distribution: source.distribution }
      : {}),
    options: included("OPTIONS") ? source.options : {},
  };
}
