/** ScanPlanner: the physical side of table-scan.ts: one source per table and plan, shared by its readers. */
import { withoutTimeAttribute } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { TableSpec, WatermarkAlignment } from "../../../foundation/plan/exec-node.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  type ResolvedTable,
  type TableColumn,
  identifierText,
  sourceColumns,
} from "../catalog/catalog-objects.ts";
import { planErrors } from "../errors.ts";
import { digest, isCall, isDeterministic, isTrue, transform } from "../rel/expressions.ts";
import type { ScanRel } from "../rel/rel-node.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import { ALL, INSERT, type PhysFactory, type PhysNode, forward, hashBy } from "./phys-node.ts";
import type { PlanOptions } from "./plan-options.ts";
import {
  type Path,
  type ScanLayout,
  type ScanUse,
  layoutOf,
  narrow,
  pathsOf,
  scanFilter,
  scanKey,
} from "./table-scan.ts";
import { projectKeys } from "./upsert-keys.ts";

export interface TableReader {
  readonly node: PhysNode;
  /** What every row of the node satisfies already, over the table's columns. */
  readonly ensured: Expression | undefined;
  /** Rewrites an expression over all of the table's columns to the node's output. */
  narrow(expression: Expression): Expression;
}

export class ScanPlanner {
  readonly #factory: PhysFactory;
  readonly #options: PlanOptions;
  readonly #uses = new Map<string, ScanUse>();
  readonly #readers = new Map<string, TableReader>();

  constructor(factory: PhysFactory, options: PlanOptions) {
    this.#factory = factory;
    this.#options = options;
  }

  use(scan: ScanRel, expressions: readonly Expression[], condition: Expression): void {
    const key = scanKey(scan);
    let use = this.#uses.get(key);
    if (use === undefined) {
      use = { table: scan.table, options: scan.dynamicOptions, paths: new Map(), filters: [] };
      this.#uses.set(key, use);
    }
    pathsOf(expressions, use.paths);
    use.filters.push(isTrue(condition) ? undefined : condition);
  }

  read(scan: ScanRel): TableReader {
    const key = scanKey(scan);
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      const use = this.#uses.get(key)!;
      reader = this.#build(use, { ...scan.table.options, ...scan.dynamicOptions });
      this.#readers.set(key, reader);
    }
    return reader;
  }

  #build(use: ScanUse, options: Readonly<Record<string, string>>): TableReader {
    const table = { ...use.table, options };
    const traits = this.#options.source(table);
    const streaming = this.#options.mode === "streaming";
    if (!streaming && traits.changelogMode !== "insert-only") throw changesInBatch(table);
    const normalise = this.#normalises(table, traits.changelogMode);
    const always: Path[] = [];
    const columnIndex = (name: string) => table.columns.findIndex((c) => c.name === name);
    if (normalise && streaming)
      for (const name of table.primaryKey?.columns ?? []) always.push([columnIndex(name)]);
    if (table.watermark !== undefined && streaming) {
      always.push([table.watermark.column]);
      for (const path of pathsOf([table.watermark.expression]).values()) always.push(path);
    }
    const layout = layoutOf(use, always);
    // Upserts that leave the filter must still reach the normalisation.
    const filter = normalise ? undefined : scanFilter(use);
    let node = this.#source(table, layout, filter);
    node = this.#computed(node, layout);
    if (table.watermark !== undefined && streaming) node = this.#watermark(node, table, layout);
    const ensured = normalise && streaming ? commonFilter(use) : undefined;
    if (normalise && streaming) node = this.#normalise(node, table, layout, ensured);
    const fields = node.schema.fields;
    return { node, ensured, narrow: (expression) => narrow(expression, layout.items, fields) };
  }

  #normalises(table: ResolvedTable, mode: "insert-only" | "retract" | "upsert"): boolean {
    if (mode === "insert-only") return false;
    if (mode === "upsert") {
      if (table.primaryKey !== undefined) return true;
      throw planErrors.WINDOW_PLAN({
        message: `Table '${identifierText(table.identifier)}' produces a changelog stream contains UPDATE_AFTER but no UPDATE_BEFORE, this requires defining primary key constraint on the table.`,
        remedy: "Add PRIMARY KEY (…) NOT ENFORCED to the table.",
      });
    }
    const duplicates = this.#options.option("table.exec.source.cdc-events-duplicate") === "true";
    return duplicates && table.primaryKey !== undefined;
  }

  #source(table: ResolvedTable, layout: ScanLayout, filter: Expression | undefined): PhysNode {
    const traits = this.#options.source(table);
    const updates = traits.changelogMode !== "insert-only" && this.#options.mode === "streaming";
    const key = table.primaryKey?.columns.map((name) => sourceIndex(table, name));
    const positions = key?.map((column) =>
      layout.sourcePaths.findIndex((path) => path.length === 1 && path[0] === column),
    );
    const known = positions?.every((position) => position >= 0) ? positions : undefined;
    return this.#factory.make(
      {
        type: "TableSourceScan",
        table: sourceSpec(table),
        projection: layout.sourcePaths,
        bounded: traits.bounded,
        ...(filter === undefined ? {} : { filter }),
      },
      [],
      { fields: layout.sourceFields },
      {
        kinds: updates ? ALL : INSERT,
        upsertKeys: known === undefined ? [] : [known],
        upsertSource: updates && traits.changelogMode === "upsert",
        keyOnlyDeletes: updates && traits.keyOnlyDeletes === true,
      },
    );
  }

  #computed(source: PhysNode, layout: ScanLayout): PhysNode {
    if (layout.computed === undefined) return source;
    const fields = layout.itemFields.map((field, i) => {
      const type = layout.computed![i]!.type;
      const proctime = "timeAttribute" in type && type.timeAttribute === "PROCTIME";
      return { name: field.name, type: proctime ? type : withoutTimeAttribute(field.type) };
    });
    return this.#factory.make(
      { type: "Calc", projection: layout.computed },
      [{ node: source, distribution: forward }],
      { fields },
      {
        kinds: source.kinds,
        upsertKeys: projectKeys(source.upsertKeys, layout.computed),
      },
    );
  }

  #watermark(input: PhysNode, table: ResolvedTable, layout: ScanLayout): PhysNode {
    const { column, expression } = table.watermark!;
    const rowtime = layout.items.findIndex((item) => item.length === 1 && item[0] === column);
    const fields = input.schema.fields.map((field, i) =>
      i === rowtime ? { ...field, type: layout.itemFields[i]!.type } : field,
    );
    const idle = parseDuration(
      table.options["scan.watermark.idle-timeout"] ??
        this.#options.option("table.exec.source.idle-timeout") ??
        "0",
    );
    return this.#factory.make(
      {
        type: "WatermarkAssigner",
        rowtime,
        watermark: narrow(expression, layout.items, input.schema.fields),
        idleTimeoutMs: idle ?? 0,
        ...watermarkAlignment(table),
      },
      [{ node: input, distribution: forward }],
      { fields },
      { kinds: input.kinds, upsertKeys: input.upsertKeys },
    );
  }

  /** A filter within takes a row back (-D) when an update leaves it; outside, its -U would have no +U. */
  #normalise(
    input: PhysNode,
    table: ResolvedTable,
    layout: ScanLayout,
    filter: Expression | undefined,
  ): PhysNode {
    const condition = filter && narrow(filter, layout.items, input.schema.fields);
    const key = table.primaryKey!.columns.map((name) => {
      const column = table.columns.findIndex((c) => c.name === name);
      return layout.items.findIndex((item) => item.length === 1 && item[0] === column);
    });
    return this.#factory.make(
      {
        type: "ChangelogNormalize",
        uniqueKey: key,
        ...(condition === undefined ? {} : { condition }),
        generateUpdateBefore: false,
      },
      [{ node: input, distribution: hashBy(key) }],
      input.schema,
      { kinds: ALL, upsertKeys: [key] },
    );
  }
}

/** Flink's words: a bounded run reads changes as if all of them were rows. */
function changesInBatch(table: ResolvedTable): Error {
  return planErrors.WINDOW_PLAN({
    message: `Querying a table in batch mode is currently only possible for INSERT-only table sources. But the source for table '${identifierText(table.identifier)}' produces other changelog messages than just INSERT.`,
    remedy: "Run the query in streaming mode: SET 'execution.runtime-mode' = 'streaming'.",
  });
}

/** The one condition that all readers of a table have, if they have. */
function commonFilter(use: ScanUse): Expression | undefined {
  const [first] = use.filters;
  if (first === undefined || !isDeterministic(withoutWatermarks(first))) return undefined;
  const key = digest(first);
  return use.filters.every((f) => f !== undefined && digest(f) === key) ? first : undefined;
}

/** What asks for the watermark may be asked within, as in Flink; clocks and random numbers may not. */
function withoutWatermarks(condition: Expression): Expression {
  return transform(condition, (e) => (isCall(e, "CURRENT_WATERMARK") ? e.args[0]! : e));
}

function sourceIndex(table: ResolvedTable, name: string): number {
  return sourceColumns(table).findIndex((column) => column.name === name);
}

function sourceSpec(table: ResolvedTable): TableSpec {
  return tableSpec(table, sourceColumns(table));
}

/** A table as its connector knows it. */
export function tableSpec(table: ResolvedTable, columns: readonly TableColumn[]): TableSpec {
  const schema: Schema = {
    fields: columns.map((c) => ({ name: c.name, type: withoutTimeAttribute(c.type) })),
  };
  const metadata: Record<number, string> = {};
  columns.forEach((column, i) => {
    if (column.kind === "metadata") metadata[i] = column.metadataKey ?? column.name;
  });
  const index = (name: string) => columns.findIndex((column) => column.name === name);
  return {
    name: identifierText(table.identifier),
    options: table.options,
    schema,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(table.primaryKey === undefined ? {} : { primaryKey: table.primaryKey.columns.map(index) }),
    ...(table.partitionKeys.length === 0 ? {} : { partitionKeys: table.partitionKeys.map(index) }),
  };
}

/** What the options scan.watermark.alignment.* say. */
function watermarkAlignment({ options }: ResolvedTable): { alignment?: WatermarkAlignment } {
  const prefix = "scan.watermark.alignment.";
  const group = options[`${prefix}group`];
  const drift = options[`${prefix}max-drift`];
  if (group === undefined && drift === undefined) return {};
  if (group === undefined || drift === undefined) {
    const [key, owner] = group === undefined ? ["group", "max-drift"] : ["max-drift", "group"];
    throw baseErrors.OPTION_MISSING({ key: `${prefix}${key}`, owner: `${prefix}${owner}` });
  }
  const duration = (name: string, value: string) => {
    const ms = parseDuration(value);
    if (ms !== undefined) return ms;
    const key = `${prefix}${name}`;
    throw baseErrors.OPTION_INVALID({ key, value, expected: "a duration such as 10 s" });
  };
  const interval = duration("update-interval", options[`${prefix}update-interval`] ?? "1 s");
  const maxDriftMs = duration("max-drift", drift);
  return { alignment: { group, maxDriftMs, updateIntervalMs: Math.max(1, interval) } };
}
