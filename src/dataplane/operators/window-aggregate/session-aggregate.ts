/**
 * SessionAggregate: WindowAggregate over SESSION windows: aggregates per key and run of rows without a gap.
 *
 * In/out:  insert-only → insert-only: grouping fields, aggregates, window properties; emitted when the session is over.
 * State:   map "sessions": key → bounds of its sessions and their fragments (kernels/sessions.as.ts); accumulators keyed by
 *          grouping and fragment; timers. A session's fragments are merged when it is emitted, never in state.
 * Late:    rows whose (merged) session is over are dropped and counted in numLateRecordsDropped.
 * Errors:  MR4151 rows that take back; MR4152 partition keys that are not the grouping; MR4105 DISTINCT (fragments of
 *          one session may hold the same value).
 * Source:  Flink StreamExecWindowAggregate with SessionWindowAssigner (UnslicingWindowOperator).
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowAggregateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { Accumulators } from "../group-aggregate/accumulators.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { type OverSessions, SessionState } from "../windows/session-state.ts";

const INSERT_MASK = 1;

export class SessionAggregateOperator extends BaseOperator {
  readonly #node: WindowAggregateNode;
  #rows: BatchRows | undefined;
  #sessions: SessionState | undefined;
  #accumulators: Accumulators | undefined;

  constructor(node: WindowAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { context } = this;
    const { grouping, aggregates, window, description: operator } = this.#node;
    this.#checkSupported();
    const input = context.inputs[0]!;
    this.#rows = new BatchRows(context.runtime, input);
    this.#sessions = new SessionState({ context, window, partition: grouping, operator });
    this.#accumulators = new Accumulators({
      context,
      schema: withFragment(input),
      keys: [...grouping, input.fields.length],
      groupFields: grouping,
      aggregates,
      operator,
    });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#rows!.ofKinds(batch, INSERT_MASK) !== batch)
      throw operatorErrors.RETRACTION_UNEXPECTED({
        operator: this.#node.description,
        kind: "-U, +U or -D",
      });
    const { n, rows, fragments } = this.#sessions!.add(batch);
    if (n === 0) return;
    const kept = n === this.#rows!.rows(batch) ? batch : this.#rows!.gather(batch, rows, n);
    const columns = physicalColumns(this.context.inputs[0]!).length;
    this.#accumulators!.accumulate(
      assembleBatch(this.context.runtime, n, [
        ...columnsOf(kept, 0, columns),
        { values: fragments },
      ]),
    );
  }

  override processWatermark(watermark: number): void {
    this.#sessions!.clock.watermark(watermark, (moment) => this.#fire(moment));
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    this.#sessions!.clock.processingTime(time, (moment) => this.#fire(moment));
  }

  override endInput(): void {
    if (this.context.mode === "batch") this.#sessions!.clock.end((moment) => this.#fire(moment));
  }

  #checkSupported(): void {
    const { attached, grouping, window, aggregates, description } = this.#node;
    const { partitionKeys } = window;
    const sameKeys =
      partitionKeys === undefined ||
      (partitionKeys.length === grouping.length &&
        partitionKeys.every((key) => grouping.includes(key)));
    const problem = !sameKeys
      ? "SESSION with partition keys other than the grouping"
      : attached !== undefined
        ? "SESSION over attached windows"
        : aggregates.some(({ retract }) => retract)
          ? "SESSION over rows that are taken back"
          : aggregates.some(({ distinct }) => distinct)
            ? "SESSION with DISTINCT aggregates"
            : undefined;
    if (problem !== undefined)
      throw operatorErrors.WINDOW_UNSUPPORTED({
        window: problem,
        operator: description,
        remedy: "Rewrite the query, or run it on a Flink target.",
      });
  }

  #fire(moment: number): void {
    const { sessions, fragments, keys }: OverSessions = this.#sessions!.take(moment);
    if (sessions.n === 0) return;
    const { runtime } = this.context;
    const { kernels } = runtime;
    const accumulators = this.#accumulators!;
    const columns = physicalColumns(this.#sessions!.keys.schema).length;
    const ofFragments = this.#sessions!.keyColumns(keys, fragments.n, fragments.keys);
    const sources = accumulators.encodeKeys(
      assembleBatch(runtime, fragments.n, [
        ...columnsOf(ofFragments, 0, columns),
        { values: fragments.numbers },
      ]),
    );
    const list = { n: fragments.n, owners: fragments.sessions, ...sources };
    const targets = accumulators.mergeSlices(sessions.n, [list]);
    for (let from = 0; from < sessions.n; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const rows = Math.min(MAX_BATCH_ROWS, sessions.n - from);
      const results = accumulators.resultsOf(rows, targets + from * 4);
      const keyBatch = this.#sessions!.keyColumns(keys, rows, sessions.keys + from * 4);
      const out = assembleBatch(runtime, rows, [
        ...columnsOf(keyBatch, 0, columns),
        ...columnsOf(results, 0, this.#node.aggregates.length),
        ...this.#properties(rows, sessions.starts + from * 8, sessions.ends + from * 8),
      ]);
      this.context.output.emit(out);
      kernels.arenaRelease(mark);
    }
    accumulators.remove(fragments.n, sources, 0);
  }

  #properties(rows: number, starts: number, ends: number): ColumnFrom[] {
    return this.#node.properties.map((property) => {
      if (property === "window_start") return { values: starts };
      if (property === "window_end") return { values: ends };
      return { values: this.#sessions!.windowTimes(ends, rows) };
    });
  }
}

function withFragment(schema: Schema): Schema {
  return { fields: [...schema.fields, { name: "$fragment", type: types.bigint(false) }] };
}
