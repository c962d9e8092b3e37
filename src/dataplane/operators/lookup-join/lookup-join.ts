/**
 * LookupJoin: each row with the rows that a table has for its keys now, INNER and LEFT (FOR SYSTEM_TIME AS OF proctime).
 *
 * Flow:    prepare(): the table is read into LookupCache. Batch → key values (generated) → one look into the cache for all
 *          rows → joinCollect → condition → lookupApply → ChangeEmitter.
 * In/out:  any changelog; a row's changes keep their kinds.
 * State:   none: the cache is read again after a restart, as `lookup.full-cache.*` says also in between.
 * Errors:  those of the connector; one of a later read ends the job with the next batch, as in Flink.
 * Source:  Flink StreamExecLookupJoin, LookupJoinRunner, CachingLookupFunction. A row with a NULL key matches nothing.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import { physicalCount, physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { LookupJoinNode } from "../../../foundation/plan/exec-node.ts";
import { baseErrors } from "../../../foundation/base/errors.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { type LookupOptions, lookupScanOf, nextReloadMs } from "../../contract/lookup.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { JOIN_CALL_BYTES, JOIN_CALL_PAIRS, JOIN_FLAG } from "../join/join.ts";
import { JoinCondition, NO_MASK } from "../join/join-condition.ts";
import { ChangeEmitter } from "../rows/change-emitter.ts";
import { RowFormat } from "../rows/row-format.ts";
import { LookupCache } from "./lookup-cache.ts";

export class LookupJoinOperator extends BaseOperator {
  readonly #node: LookupJoinNode;
  readonly #options: LookupOptions;
  #cache: LookupCache | undefined;
  #format: RowFormat | undefined;
  #values: CompiledCalc | undefined;
  #keys: KeyCodec | undefined;
  #condition: JoinCondition | undefined;
  #emitter: ChangeEmitter | undefined;
  #call = 0;
  /** u32 physical columns of the keys. */
  #keyColumns = 0;
  #keyCount = 0;
  #failure: unknown;
  #closing: Promise<void> | undefined;

  constructor(node: LookupJoinNode, options: LookupOptions, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#options = options;
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { condition, output, description: operator, lookupKeys } = this.#node;
    const scanNode = lookupScanOf(this.#node);
    if (context.scanTable === undefined)
      throw baseErrors.UNSUPPORTED({
        what: "a lookup join without connectors",
        remedy: "Run it in a job.",
      });
    const schema = scanNode.output;
    const positions = lookupKeys.map(({ field }) => positionOf(this.#node, field));
    this.#cache = new LookupCache({
      runtime,
      schema,
      keys: positions,
      scan: context.scanTable(scanNode),
      operator,
    });
    const input = context.inputs[0]!;
    this.#format = new RowFormat(runtime, input, operator);
    this.#compileKeys(
      input,
      positions.map((at) => schema.fields[at]!),
    );
    const formats = { left: this.#format, right: this.#cache.format };
    if (condition !== undefined)
      this.#condition = new JoinCondition({ context, condition, ...formats, operator });
    this.#emitter = new ChangeEmitter({ context, output, ...formats });
    this.#call = runtime.kernels.operatorAllocate(JOIN_CALL_BYTES) >>> 0;
  }

  async prepare(): Promise<void> {
    await this.#load();
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { kernels, memory } = this.context.runtime;
    const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const values = this.#values!.process(batch);
    const { keys, hashes } = this.#keys!.encode(values);
    const entries = kernels.arenaAlloc(rows * 4) >>> 0;
    const { map } = this.#cache!;
    kernels.mapFindBatch(map, rows, hashes, keys, entries);
    const nulls = kernels.arenaAlloc(rows) >>> 0;
    if (kernels.rowsAnyNull(values, this.#keyColumns, this.#keyCount, nulls) !== 0)
      kernels.clearMarked(rows, nulls, entries);
    const views = this.#format!.encode(batch);
    const data = new DataView(memory.buffer);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const flags = JOIN_FLAG.inputLeft | (this.#node.joinType === "LEFT" ? JOIN_FLAG.ownOuter : 0);
    const words = [0, map, rows, kinds, hashes, 0, entries, views, 0, flags, 0, 0, 0, 0, 0];
    words.forEach((word, index) => {
      data.setUint32(this.#call + index * 4, word, true);
    });
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      done = kernels.joinCollect(this.#call) !== 0;
      const pairs = new DataView(memory.buffer).getUint32(this.#call + JOIN_CALL_PAIRS, true);
      const mask =
        this.#condition === undefined || pairs === 0
          ? NO_MASK
          : this.#condition.evaluate(this.#call, pairs);
      kernels.lookupApply(this.#call, mask.values, mask.validity);
      this.#emitter!.emit();
      kernels.arenaRelease(mark);
    }
  }

  override onProcessingTime(): void {
    if (this.#cache === undefined) return;
    // Read beside the batches; an error is thrown by the next one.
    this.#load().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  override close(): void {
    const cache = this.#cache;
    if (cache === undefined) return;
    this.#cache = undefined;
    // After an open() that failed some of it is not there.
    this.#format?.close();
    const { kernels } = this.context.runtime;
    if (this.#call !== 0) kernels.operatorFree(this.#call, JOIN_CALL_BYTES);
    if (this.#keyColumns !== 0) kernels.operatorFree(this.#keyColumns, this.#keyCount * 4);
    // What a reader says when it is stopped no longer matters.
    this.#closing = cache.close().catch(() => undefined);
  }

  /** Resolves when a read that was under way at close() has ended. */
  get closed(): Promise<void> {
    return this.#closing ?? Promise.resolve();
  }

  async #load(): Promise<void> {
    const { clock, metrics } = this.context;
    const startMs = clock.nowMs();
    await this.#cache!.load();
    const cache = this.#cache;
    if (cache === undefined) return;
    metrics.gauge("numCachedRecords", () => cache.rows);
    metrics.counter("loadCount").value++;
    const next = nextReloadMs(this.#options, { startMs, endMs: clock.nowMs() });
    if (next !== undefined) this.context.registerProcessingTimer(next);
  }

  /** The values that are looked up as a batch of their own, encoded as the table's keys are. */
  #compileKeys(input: Schema, fields: Schema["fields"]): void {
    const { context } = this;
    const { runtime } = context;
    const { description: operator, lookupKeys } = this.#node;
    const schema: Schema = {
      fields: fields.map(({ name, type }) => ({ name, type: withNullable(type, true) })),
    };
    const projection = lookupKeys.map(({ value }) => value);
    this.#values = compileCalc(
      { input, projection, output: schema },
      { runtime, environment: functionEnvironment(context), operator },
    );
    const all = schema.fields.map((_, index) => index);
    this.#keys = compileKeyCodec({ schema, fields: all, runtime, operator });
    const columns = all
      .filter((index) => physicalCount(schema.fields[index]!.type) > 0)
      .map((index) => physicalIndex(schema, index));
    this.#keyCount = columns.length;
    this.#keyColumns = runtime.kernels.operatorAllocate(columns.length * 4) >>> 0;
    new Uint32Array(runtime.memory.buffer, this.#keyColumns, columns.length).set(columns);
  }
}

function positionOf(node: LookupJoinNode, field: number): number {
  const at = node.projection.findIndex((path) => path.length === 1 && path[0] === field);
  if (at < 0)
    throw baseErrors.ASSERTION({ message: `lookup key ${field} is not among the columns read` });
  return at;
}
