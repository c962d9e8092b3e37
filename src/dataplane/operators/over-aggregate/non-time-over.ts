/**
 * NonTimeOver: an OVER window of a stream that is ordered by values: a row that comes or goes changes the rows behind it.
 *
 * In/out:  any changelog → retract: a new row as +I or +U with its result, one taken back as -D; then -U and +U of each row of
 *          its partition whose result has changed, in order. Frames end at the row.
 * State:   "rows": key → rows in order (ordered-rows.ts). A row that is not there cannot be taken back: it is dropped, as
 *          after an expired TTL.
 * Cost:    a change of a frame of k rows ahead costs 2·k rows; of other frames, and where LAG, LEAD or ranks are asked for,
 *          the rows of its partition. Changes are evaluated together, EVALUATED_ROWS rows or a little more at a time.
 *          Rows behind all others of their partition change no other's result: those of a batch are evaluated as one run,
 *          so that a large partition costs its rows once a batch, MOST_RUN_ROWS of all partitions at a time.
 * Source:  Flink NonTimeRangeUnboundedPrecedingFunction, NonTimeRowsUnboundedPrecedingFunction.
 */
import { BATCH_KINDS, BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { OverAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowCodec, type RowCodec } from "../../codegen/codecs/row-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { isPlainAggregate } from "./over-calls.ts";
import { OrderedRows } from "./ordered-rows.ts";
import { type OverPartition, OverRows, rowsSchemaOf } from "./over-rows.ts";

const KIND = { insert: 0, updateBefore: 1, updateAfter: 2, delete: 3 } as const;
const EVALUATED_ROWS = 4_096;
const MOST_RUN_ROWS = 2 ** 21;

/** A row that came or went, with the rows around it that its results and theirs depend on. */
interface Change {
  readonly adds: boolean;
  readonly kind: number;
  readonly hash: number;
  /** In order, the row itself among them. */
  readonly rows: readonly number[];
  /** Its place in `rows`. */
  readonly at: number;
  /** From here on results may differ. */
  readonly from: number;
}

/** Rows that came one behind the other at the end of a partition. */
interface Run {
  readonly hash: number;
  /** The whole partition. */
  readonly rows: number[];
  /** How many of them were there before. */
  readonly history: number;
}

interface Appended {
  readonly run: Run;
  readonly kind: number;
  /** Its place in the run's rows. */
  readonly at: number;
}

export class NonTimeOverOperator extends BaseOperator {
  readonly #node: OverAggregateNode;
  readonly #hasRuns: boolean;
  #rows: OverRows | undefined;
  #keys: KeyCodec | undefined;
  #results: RowCodec | undefined;
  #ordered: OrderedRows | undefined;
  #changes: (Change | Appended)[] = [];
  /** By the bytes of the key: those that further rows may be appended to. */
  readonly #runs = new Map<string, Run>();
  #runRows = 0;
  /** Rows of the changes, each as often as it is evaluated. */
  #waiting = 0;

  constructor(node: OverAggregateNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#hasRuns = hasRuns(node);
  }

  override open(): void {
    const { runtime, inputs } = this.context;
    const { partitionKeys: fields, description: operator, output } = this.#node;
    const schema = rowsSchemaOf(inputs[0]!);
    const keys = compileKeyCodec({ schema, fields, runtime, operator });
    this.#keys = keys;
    this.#rows = new OverRows(this.#node, this.context);
    this.#results = compileRowCodec({ schema: output, runtime, operator });
    const { format } = this.#rows;
    this.#ordered = new OrderedRows({ context: this.context, node: this.#node, keys, format });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const { runtime, inputs } = this.context;
    const { kernels, memory } = runtime;
    const data = new DataView(memory.buffer);
    const n = data.getUint32(batch + BATCH_ROWS, true);
    const kinds = data.getUint32(batch + BATCH_KINDS, true);
    const rows = assembleBatch(runtime, n, [
      ...columnsOf(batch, 0, physicalColumns(inputs[0]!).length),
      { values: kernels.repeatTime(n, 0n) >>> 0 },
    ]);
    const { keys, hashes } = this.#keys!.encode(rows);
    const views = this.#rows!.format.encode(rows);
    const identities = this.#ordered!.sortKeys.encode(rows, n);
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    for (let row = 0; row < n; row++) {
      const kind = kinds === 0 ? KIND.insert : new DataView(memory.buffer).getUint8(kinds + row);
      this.#ordered!.open(hashes + row * 8, keys + row * width);
      const hash = new DataView(memory.buffer).getUint32(hashes + row * 8 + 4, true);
      const key = this.#hasRuns ? this.#keyText(hashes + row * 8, keys + row * width) : "";
      this.#change(views + row * 8, identities + row * 8, kind, { hash, key });
      if (this.#waiting >= EVALUATED_ROWS) this.#flush();
      else if (this.#runRows >= MOST_RUN_ROWS && this.#runs.size > 1) this.#flush();
    }
    this.#flush();
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
    this.#ordered?.close();
    this.#ordered = undefined;
  }

  /** Brings the state up to date and notes what has to be evaluated. */
  #change(
    view: number,
    identity: number,
    kind: number,
    { hash, key }: { readonly hash: number; readonly key: string },
  ): void {
    const ordered = this.#ordered!;
    const adds = kind === KIND.insert || kind === KIND.updateAfter;
    const at = adds ? ordered.add(view, identity) : ordered.find(view, identity);
    if (at < 0) {
      ordered.forgetEmpty();
      return;
    }
    if (adds && this.#isBehindAll(at)) {
      this.#append(at, kind, { hash, key });
      return;
    }
    this.#runs.delete(key);
    const { first, from, to } = this.#reach(at);
    const rows = ordered.rows(first, to);
    if (!adds) ordered.take(at);
    this.#changes.push({ adds, kind, hash, rows, at: at - first, from: from - first });
    this.#waiting += 2 * rows.length;
  }

  #isBehindAll(at: number): boolean {
    const ordered = this.#ordered!;
    if (!this.#hasRuns || at !== ordered.count - 1) return false;
    return this.#node.unit === "ROWS" || ordered.firstPeer(at) === at;
  }

  #append(at: number, kind: number, of: { readonly hash: number; readonly key: string }): void {
    let run = this.#runs.get(of.key);
    if (run === undefined) {
      run = { hash: of.hash, rows: this.#ordered!.rows(0, at), history: at };
      this.#runs.set(of.key, run);
      this.#runRows += at;
    }
    this.#changes.push({ run, kind, at });
    run.rows.push(...this.#ordered!.rows(at, at + 1));
    this.#runRows++;
  }

  #keyText(hash: number, key: number): string {
    const { memory } = this.context.runtime;
    const data = new DataView(memory.buffer);
    const { keyBytes } = this.#keys!;
    const isView = keyBytes < 0;
    const address = isView ? data.getUint32(key, true) : key;
    const length = isView ? data.getUint32(key + 4, true) : keyBytes;
    let text = String(data.getBigUint64(hash, true));
    for (let i = 0; i < length; i++) text += String.fromCharCode(data.getUint8(address + i));
    return text;
  }

  /** Places of the rows whose results may differ, [from, to), and the first one that they need. */
  #reach(at: number): { readonly first: number; readonly from: number; readonly to: number } {
    const ordered = this.#ordered!;
    const { count } = ordered;
    const { start, end, unit, aggregates } = this.#node;
    const plain = aggregates.every(isPlainAggregate);
    const from = unit === "RANGE" ? ordered.firstPeer(at) : at;
    if (aggregates.some(({ function: name }) => name === "LEAD"))
      return { first: 0, from: 0, to: count };
    if (!plain || end.kind !== "currentRow") return { first: 0, from, to: count };
    if (start.kind === "currentRow")
      return { first: from, from, to: unit === "RANGE" ? ordered.behindPeers(at) : at + 1 };
    if (start.kind !== "preceding" || unit === "RANGE") return { first: 0, from, to: count };
    const { offset } = start;
    return { first: Math.max(0, at - offset), from, to: Math.min(count, at + offset + 1) };
  }

  /** Evaluates the changes and emits what they change, one after the other. */
  #flush(): void {
    if (this.#changes.length === 0) return;
    const { kernels } = this.context.runtime;
    const mark = kernels.arenaMark();
    const runs = new Set<Run>();
    const partitions = this.#changes.flatMap((change): OverPartition[] => {
      if ("run" in change) {
        if (runs.has(change.run)) return [];
        runs.add(change.run);
        return [change.run];
      }
      const { rows, at, from, hash } = change;
      const without = rows.filter((_, index) => index !== at);
      const lists = change.adds ? [without, rows] : [rows, without];
      return lists
        .filter((list) => list.length > 0)
        .map((list) => ({ rows: list, history: from, hash }));
    });
    const { batch: whole, emitted } = this.#rows!.evaluate(partitions, this.#ordered!.ptr);
    const batch = this.#rows!.gather(whole, emitted);
    const views = this.#results!.encode(batch);
    const [rows, kinds]: [number[], number[]] = [[], []];
    let start = 0;
    const starts = new Map<Run, number>();
    for (const change of this.#changes) {
      if ("run" in change) {
        const { run, at, kind } = change;
        if (!starts.has(run)) {
          starts.set(run, start);
          start += run.rows.length - run.history;
        }
        rows.push(starts.get(run)! + at - run.history);
        kinds.push(kind);
        continue;
      }
      this.#differences(change, start, views, (row, kind) => {
        rows.push(row);
        kinds.push(kind);
      });
      start += 2 * (change.rows.length - change.from) - 1;
    }
    this.#rows!.emit(batch, rows, kinds);
    this.#changes = [];
    this.#waiting = 0;
    this.#runs.clear();
    this.#runRows = 0;
    this.#ordered!.free();
    kernels.arenaRelease(mark);
  }

  /** What changes from the rows before, from `start` on in the batch, to those after behind them; both without what is ahead. */
  #differences(
    { adds, kind, rows, at, from }: Change,
    start: number,
    views: number,
    push: (row: number, kind: number) => void,
  ): void {
    // Where row 0 of the rows before, and of those after, would be.
    const old = start - from;
    const now = start + rows.length - from - (adds ? 1 : 0) - from;
    // An average's sum and count change even where the result does not: Flink compares those.
    const whole = this.#node.start.kind === "unboundedPreceding";
    const averages = whole && this.#node.aggregates.some((call) => call.function === "AVG");
    if (adds) push(now + at, kind);
    else push(old + at, KIND.delete);
    for (let row = from; row < rows.length; row++) {
      if (row === at) continue;
      const without = row > at ? row - 1 : row;
      const [a, b] = adds ? [old + without, now + row] : [old + row, now + without];
      if (!averages && this.#sameResult(views, a, b)) continue;
      push(a, KIND.updateBefore);
      push(b, KIND.updateAfter);
    }
  }

  #sameResult(views: number, a: number, b: number): boolean {
    const { kernels, memory } = this.context.runtime;
    const data = new DataView(memory.buffer);
    const length = data.getUint32(views + a * 8 + 4, true);
    if (length !== data.getUint32(views + b * 8 + 4, true)) return false;
    const [from, to] = [a, b].map((row) => data.getUint32(views + row * 8, true)) as [
      number,
      number,
    ];
    return kernels.bytesEqual(from, to, length) !== 0;
  }
}

/** Frames reach back over the partition, or by values, and rows behind them change nothing. */
function hasRuns({ start, end, unit, aggregates }: OverAggregateNode): boolean {
  if (end.kind !== "currentRow" || !aggregates.every(isPlainAggregate)) return false;
  return start.kind === "unboundedPreceding" || (start.kind === "preceding" && unit === "RANGE");
}
