/**
 * Partitions as the catalog knows them: ALTER TABLE ADD and DROP PARTITION, SHOW PARTITIONS.
 *
 * Shapes:  a partition is its values by partition key, as text; two are the same when all values are. SHOW prints
 *          `dt=2024-01-01/hour=3`.
 * Source:  Flink's GenericInMemoryCatalog: what the catalog lists is what these statements said.
 */
import {
  type CatalogPartition,
  identifierText,
  type ResolvedTable,
} from "../catalog/catalog-objects.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type { AlterTableAction, PartitionSpec } from "../parser/ast.ts";
import { stringRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";
import { literalText } from "./statement-planner.ts";

type Values = CatalogPartition["values"];

export function addPartitions(
  session: SessionContext,
  table: ResolvedTable,
  action: Extract<AlterTableAction, { action: "addPartitions" }>,
): ResolvedTable {
  const partitions = [...(table.partitions ?? [])];
  for (const { partition, options } of action.partitions) {
    const values = valuesOf(session, table, partition, true);
    if (partitions.some((known) => holds(known.values, values))) {
      if (action.ifNotExists) continue;
      throw validateErrors.OBJECT_EXISTS({
        object: `Partition ${partitionText(table, values)} of table`,
        name: identifierText(table.identifier),
      });
    }
    partitions.push({ values, options: optionsOf(options) });
  }
  return { ...table, partitions };
}

export function dropPartitions(
  session: SessionContext,
  table: ResolvedTable,
  action: Extract<AlterTableAction, { action: "dropPartitions" }>,
): ResolvedTable {
  let partitions = [...(table.partitions ?? [])];
  for (const spec of action.partitions) {
    const values = valuesOf(session, table, spec, true);
    const rest = partitions.filter((known) => !holds(known.values, values));
    if (rest.length === partitions.length && !action.ifExists)
      throw validateErrors.OBJECT_NOT_FOUND({
        object: `Partition ${partitionText(table, values)} of table`,
        name: identifierText(table.identifier),
      });
    partitions = rest;
  }
  return { ...table, partitions };
}

export function showPartitions(
  session: SessionContext,
  table: ResolvedTable,
  spec: PartitionSpec,
): StatementResult {
  const wanted = valuesOf(session, table, spec, false);
  const names = (table.partitions ?? [])
    .filter(({ values }) => holds(values, wanted))
    .map(({ values }) => partitionText(table, values));
  return stringRows(
    ["partition name"],
    names.sort().map((name) => [name]),
  );
}

/** The values of a PARTITION (…); all keys when `whole`. */
function valuesOf(
  session: SessionContext,
  table: ResolvedTable,
  spec: PartitionSpec,
  whole: boolean,
): Values {
  const name = identifierText(table.identifier);
  if (table.partitionKeys.length === 0)
    throw validateErrors.STATEMENT_INVALID({
      message: `Table ${name} is not partitioned.`,
      remedy: "Create the table with PARTITIONED BY.",
    });
  const values: Record<string, string> = {};
  for (const entry of spec) {
    if (!table.partitionKeys.includes(entry.name.name))
      throw validateErrors.STATEMENT_INVALID(
        {
          message: `PartitionSpec does not match partition keys [${table.partitionKeys.join(", ")}] of table ${name}: '${entry.name.name}'.`,
          remedy: "Name partition keys of the table.",
        },
        { at: entry.name.span },
      );
    if (entry.value !== undefined) values[entry.name.name] = literalText(session, entry.value);
  }
  if (whole && Object.keys(values).length !== table.partitionKeys.length)
    throw validateErrors.STATEMENT_INVALID({
      message: `PartitionSpec does not match partition keys [${table.partitionKeys.join(", ")}] of table ${name}.`,
      remedy: "Give every partition key a value.",
    });
  return values;
}

function holds(values: Values, wanted: Values): boolean {
  return Object.entries(wanted).every(([key, value]) => values[key] === value);
}

function partitionText(table: ResolvedTable, values: Values): string {
  return table.partitionKeys.map((key) => `${key}=${values[key] ?? ""}`).join("/");
}
