/**
 * ResultFeeds: rows of sinks for those who watch: contents of `collect` sinks from their first row
 *              on, other sinks (by a
 * tap) from when somebody asks.
 *
 * Flow:    workers (collected values, tapped rows) → here → ResultTable, `rows` events.
 * Errors:  MR5019 no sink of that name.
 */
import type { ExecPlan, SinkNode } from "../../../foundation/plan/exec-node.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { CollectedRows } from "../../contract/sink.ts";
import { runtimeErrors } from "../errors.ts";
import { jsonSafeRow, type RenderedRow } from "../task/row-render.ts";
import type { ControlEvent, ResultContents } from "./messages.ts";
import { ResultTable } from "./result-table.ts";

interface Feed {
  readonly node: SinkNode;
  readonly schema: Schema;
  readonly table: ResultTable;
  readonly isCollected: boolean;
}

export class ResultFeeds {
  readonly #feeds = new Map<string, Feed>();
  readonly #timeZone: string;
  readonly #publish: (event: ControlEvent) => void;

  constructor(plan: ExecPlan, publish: (event: ControlEvent) => void) {
    this.#timeZone = plan.timeZone;
    this.#publish = publish;
    for (const node of plan.nodes) {
      if (node.type !== "Sink") continue;
      const input = plan.nodes.find(({ id }) => id === node.inputs[0]?.node);
      this.#feeds.set(node.table.name, {
        node,
        schema: input?.output ?? node.table.schema,
        table: new ResultTable(node.upsertKey),
        isCollected: node.table.options.connector === "collect",
      });
    }
  }

  /** The sink's node and whether its rows come by a tap. */
  find(sink: string): { readonly node: SinkNode; readonly isTapped: boolean } {
    const feed = this.#feeds.get(sink);
    if (feed === undefined)
      throw runtimeErrors.TAP_UNKNOWN({ sink, known: [...this.#feeds.keys()].join(", ") });
    return { node: feed.node, isTapped: !feed.isCollected };
  }

  contents(sink: string): ResultContents {
    this.find(sink);
    const { node, schema, table } = this.#feeds.get(sink)!;
    return {
      sink,
      schema,
      changelogMode: node.sinkChangelogMode,
      upsertKey: node.upsertKey,
      rows: table.contents(),
      missed: table.missed,
    };
  }

  /** Of all `collect` sinks: what is kept when the job ends. */
  collectedContents(): ResultContents[] {
    const names = [...this.#feeds].filter(([, feed]) => feed.isCollected).map(([name]) => name);
    return names.map((name) => this.contents(name));
  }

  /** What the sinks of the same names and schemas held before. */
  seed(before: readonly ResultContents[]): void {
    for (const { sink, schema, rows, missed } of before) {
      const feed = this.#feeds.get(sink);
      if (feed?.isCollected !== true) continue;
      if (JSON.stringify(feed.schema) === JSON.stringify(schema)) feed.table.apply(rows, missed);
    }
  }

  collected({ table, kinds, rows }: CollectedRows): void {
    const feed = this.#feeds.get(table);
    if (feed === undefined) return;
    const rendered = rows.map((values, i) => ({
      kind: kinds[i] ?? 0,
      values: jsonSafeRow(values, feed.schema, this.#timeZone),
    }));
    this.#apply(feed, rendered, 0);
  }

  tapped(nodeId: number, rows: readonly RenderedRow[], skipped: number): void {
    for (const feed of this.#feeds.values())
      if (feed.node.id === nodeId && !feed.isCollected) this.#apply(feed, rows, skipped);
  }

  /** The job starts again from nothing: what was collected is void. */
  reset(): void {
    for (const [sink, { table }] of this.#feeds) {
      table.clear();
      this.#publish({ event: "rows", sink, rows: [], missed: 0, reset: true });
    }
  }

  #apply(feed: Feed, rows: readonly RenderedRow[], skipped: number): void {
    feed.table.apply(rows, skipped);
    const { name } = feed.node.table;
    this.#publish({ event: "rows", sink: name, rows, missed: skipped, reset: false });
  }
}
