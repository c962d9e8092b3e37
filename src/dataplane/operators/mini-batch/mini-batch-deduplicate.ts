/**
 * MiniBatchDeduplicate: Deduplicate that holds rows back and takes one row a key out of each mini-batch: the first or the last.
 *
 * When:    by processing time; by event time with `table.exec.deduplicate.mini-batch.compact-changes-enabled` = true. Else
 *          every row shows its change, as in Flink.
 * Ends:    after `size` rows, at a watermark, a barrier, the end of input.
 * State:   that of Deduplicate.
 * Source:  Flink ProcTimeMiniBatchDeduplicateKeep{First,Last}RowFunction, RowTimeMiniBatchLatestChangeDeduplicateFunction.
 */
import { type BatchPtr, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex } from "../../../foundation/columnar/schema.ts";
import type { DeduplicateNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { DeduplicateOperator } from "../deduplicate/deduplicate.ts";
import { takeInParts } from "../rows/batch-part.ts";
import { BatchRows } from "../rows/batch-rows.ts";
import { BundlingOperator } from "./bundling-operator.ts";
import { KeyNumbers } from "./key-numbers.ts";
import { MAX_BUNDLE_ROWS } from "./mini-batch-size.ts";
import { RowBundle } from "./row-bundle.ts";

const COMPACT = "table.exec.deduplicate.mini-batch.compact-changes-enabled";

/** Whether rows of one mini-batch show one change a key. */
export function foldsChanges(node: DeduplicateNode, context: OperatorContext): boolean {
  if (node.time.attribute === "PROCTIME") return true;
  return node.changelogMode !== "insert-only" && context.config[COMPACT] === "true";
}

export class MiniBatchDeduplicateOperator extends BundlingOperator {
  readonly #node: DeduplicateNode;
  readonly #size: number;
  readonly #deduplicate: DeduplicateOperator;
  #rows: BatchRows | undefined;
  #bundle: RowBundle | undefined;
  #numbers: KeyNumbers | undefined;

  constructor(node: DeduplicateNode, context: OperatorContext, size: number) {
    super(context);
    this.#node = node;
    this.#size = Math.min(size, MAX_BUNDLE_ROWS);
    this.#deduplicate = new DeduplicateOperator(node, context);
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const { keys: fields, description: operator } = this.#node;
    const schema = inputs[0]!;
    this.#deduplicate.open();
    this.#rows = new BatchRows(runtime, schema);
    this.#bundle = new RowBundle(runtime, schema, operator);
    this.#numbers = new KeyNumbers({ runtime, schema, fields, operator });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const room = () => this.#size - this.#bundle!.rows;
    takeInParts(this.context.runtime, this.#rows!, batch, room, (part) => {
      this.#bundle!.add(part);
      if (room() === 0) this.endBundle();
    });
  }

  override processWatermark(watermark: number): void {
    this.endBundle();
    this.#deduplicate.processWatermark(watermark);
  }

  override endInput(input: number): void {
    super.endInput(input);
    this.#deduplicate.endInput();
  }

  override close(): void {
    this.#bundle?.close();
    this.#numbers?.close();
    this.#deduplicate.close();
    this.#bundle = undefined;
    this.#numbers = undefined;
  }

  protected override emitBundle(): void {
    const { kernels } = this.context.runtime;
    const batch = this.#bundle!.take();
    if (batch === 0) return;
    const n = this.#rows!.rows(batch);
    const { count, owners } = this.#numbers!.number(batch);
    const list = kernels.arenaAlloc(count * 4) >>> 0;
    const { times, width } = this.#times(batch);
    kernels.rowPerOwner(n, owners, count, times, width, this.#node.keepLast ? 1 : 0, list);
    this.#deduplicate.processBatch(0, this.#rows!.gather(batch, list, count));
  }

  #times(batch: BatchPtr): { readonly times: number; readonly width: number } {
    const { time } = this.#node;
    if (time.attribute === "PROCTIME") return { times: 0, width: 0 };
    const schema = this.context.inputs[0]!;
    const at = columnPtr(batch, physicalIndex(schema, time.index)) + COLUMN_VALUES;
    const width = PHYSICAL_WIDTH[physicalOf(schema.fields[time.index]!.type)];
    return { times: new DataView(this.context.runtime.memory.buffer).getUint32(at, true), width };
  }
}
