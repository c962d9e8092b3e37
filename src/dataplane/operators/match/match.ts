/**
 * Match: MATCH_RECOGNIZE, rows of each partition in the order of their time against a pattern.
 *
 * Flow:    rowtime: rows wait for the watermark, then go moment by moment; proctime: as they come; batch: at the end of input.
 * In/out:  insert-only → insert-only: the partition's fields, then the measures, one row a match.
 * State:   "kept": partition → rows that a match may still need, and the matches in the making (MatchRecords; see BLOCK);
 *          "pending": (time, partition) → WaitingRows, with "timers"; with WITHIN "expiry", see match-expiry.ts.
 * Rounds:  in each round every partition takes its next row; conditions that look at other rows are evaluated for all
 *          partitions and matches of the round at once, the others for all rows before the first round.
 * Late:    rows not after the watermark are dropped and counted in numLateRecordsDropped.
 * Errors:  MR4150 rowtime is NULL, MR4154 AFTER MATCH SKIP cannot go on.
 * Source:  Flink StreamExecMatch, CepOperator.
 *
 * BLOCK:   u32 records in the making, u32 records done, then the records (i32 each field); rows count from the first kept one.
 */
import { BATCH_ROWS, type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import type { MatchNode } from "../../../foundation/plan/exec-node.ts";
import type { MatchExpressions } from "../../../foundation/plan/match.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import { compileRowComparator, type RowComparator } from "../../codegen/codecs/row-comparator.ts";
import type { KeyedMap } from "../../contract/keyed-state.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { BaseOperator } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { ROW_SET_BYTES, ROW_SET_FIELDS, RowFormat } from "../rows/row-format.ts";
import { forEachEntry } from "../rows/state-entries.ts";
import type { RowTimes } from "../rows/row-times.ts";
import { stateRows } from "../rows/state-rows.ts";
import { WaitingRows } from "../rows/waiting-rows.ts";
import type { TimerKeys } from "../windows/window-timers.ts";
import { MatchConditions } from "./match-conditions.ts";
import { MatchExpiry } from "./match-expiry.ts";
import { COUNTS, END, MatchPattern, MatchRecords, START } from "./match-pattern.ts";
import { firstStart, joinedRows, MatchRun, type PartitionKey } from "./match-run.ts";
import { rowTimesOf, withPartition } from "./match-rows.ts";
import { MatchValues } from "./match-values.ts";

/** Of "kept": behind the rows the handle of the block, 0 = none, and the mark of MatchExpiry, u32 each. */
const KEPT_BYTES = ROW_SET_BYTES + 8;
const BLOCK = ROW_SET_BYTES;
const EXPIRY = ROW_SET_BYTES + 4;
const BLOCK_HEADER = 8;

export class MatchOperator extends BaseOperator {
  readonly #node: MatchNode;
  readonly #pattern: MatchPattern;
  readonly #isRowtime: boolean;
  #format: RowFormat | undefined;
  #times: RowTimes | undefined;
  #keys: KeyCodec | undefined;
  #comparator: RowComparator | undefined;
  #kept: KeyedMap | undefined;
  #waiting: WaitingRows | undefined;
  #conditions: MatchConditions | undefined;
  #expiry: MatchExpiry | undefined;
  #measures: MatchValues | undefined;
  #measureSpec: MatchExpressions | undefined;
  #watermark = MIN_WATERMARK;

  constructor(node: MatchNode, context: OperatorContext) {
    super(context);
    this.#node = node;
    this.#pattern = new MatchPattern(node.pattern, node.after);
    this.#isRowtime = context.mode === "streaming" && node.time?.attribute === "ROWTIME";
  }

  override open(): void {
    const { context } = this;
    const { runtime } = context;
    const { partitionKeys, sort, description: operator } = this.#node;
    this.#times = rowTimesOf(context, this.#node, this.#isRowtime);
    const { schema } = this.#times;
    this.#format = new RowFormat(runtime, schema, operator);
    this.#comparator = compileRowComparator({ schema, sort, runtime, operator });
    const keys = compileKeyCodec({ schema, fields: partitionKeys, runtime, operator });
    this.#keys = keys;
    this.#kept = context.state.map({
      name: "kept",
      keyBytes: keys.keyBytes,
      valueBytes: KEPT_BYTES,
      keyFields: keys.keyFields,
      valueFields: [
        ...ROW_SET_FIELDS,
        { name: "matches", offset: BLOCK, type: "handle", flat: true },
      ],
      rows: [stateRows(schema, "set")],
      ttlMs: 0,
    });
    const shared = {
      context,
      format: this.#format,
      hashDistance: hashDistance(keys.keyBytes),
      operator,
    };
    this.#conditions = new MatchConditions({ ...shared, node: this.#node, pattern: this.#pattern });
    this.#measureSpec = withPartition(this.#node, schema);
    this.#measures = new MatchValues({
      ...shared,
      spec: this.#measureSpec,
      output: this.#node.output,
    });
    if (this.#isRowtime)
      this.#waiting = new WaitingRows({
        context,
        names: { rows: "pending", timers: "timers" },
        schema,
        fields: [schema.fields.length - 1, ...partitionKeys],
        groupFields: partitionKeys,
        format: this.#format,
        stored: schema,
        byClock: false,
        operator,
      });
    if (this.#node.withinMs > 0 && context.mode === "streaming")
      this.#expiry = new MatchExpiry(context, {
        keyBytes: keys.keyBytes,
        mark: EXPIRY,
        byClock: !this.#isRowtime,
      });
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const n = new DataView(this.context.runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
    const rows = this.#times!.append(batch, n);
    const { kernels } = this.context.runtime;
    if (this.#waiting !== undefined)
      this.#waiting.add(
        rows,
        (all, times, list) =>
          kernels.rowsAbove(all, times, 8, 0, BigInt(this.#watermark), list) >>> 0,
      );
    else if (this.context.mode === "streaming") this.#advance(rows, n);
    else this.#append(rows, n);
  }

  override processWatermark(watermark: number): void {
    this.#watermark = watermark;
    const comparator = this.#node.sort.length > 1 ? this.#comparator : undefined;
    this.#waiting?.releaseBatches(watermark, comparator, (batch, n) => this.#advance(batch, n));
    if (this.#isRowtime) this.#expireUntil(watermark);
    this.context.output.emitWatermark(watermark);
  }

  override onProcessingTime(time: number): void {
    if (!this.#isRowtime) this.#expireUntil(time);
  }

  override endInput(): void {
    if (this.context.mode !== "batch") return;
    const { kernels, memory } = this.context.runtime;
    forEachEntry(this.context, this.#kept!, (entry) => {
      const mark = kernels.arenaMark();
      const run = this.#runOf(entry, this.#keyOf(entry), 0);
      const list = kernels.arenaAlloc(run.addresses.length * 4) >>> 0;
      new Uint32Array(memory.buffer, list, run.addresses.length).set(run.addresses);
      this.#comparator!.sortEncoded(list, run.addresses.length);
      run.addresses = new Uint32Array(memory.buffer, list, run.addresses.length).slice();
      this.#play([run], true);
      kernels.arenaRelease(mark);
    });
  }

  override close(): void {
    this.#format?.close();
    this.#format = undefined;
  }

  // ------------------------------------------------------------------------------ rows whose turn has come

  /** Puts rows behind those kept of their partitions; returns the entries by row. */
  #append(batch: BatchPtr, n: number) {
    const { kernels, memory } = this.context.runtime;
    const { keys, hashes } = this.#keys!.encode(batch);
    const views = this.#format!.encode(batch);
    const entries = kernels.arenaAlloc(n * 4) >>> 0;
    const { ptr } = this.#kept!;
    kernels.mapUpsertBatch(ptr, n, hashes, keys, entries);
    kernels.setsAppend(ptr, n, hashes, entries, views);
    return { entries: new Uint32Array(memory.buffer, entries, n).slice(), keys, hashes };
  }

  #advance(batch: BatchPtr, n: number): void {
    const { entries, keys, hashes } = this.#append(batch, n);
    const { memory } = this.context.runtime;
    const data = new DataView(memory.buffer);
    const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
    const fresh = new Map<number, { key: PartitionKey; count: number }>();
    entries.forEach((entry, row) => {
      const known = fresh.get(entry);
      if (known !== undefined) known.count++;
      else {
        const hash = data.getBigUint64(hashes + row * 8, true);
        fresh.set(entry, { key: { address: keys + row * width, hash }, count: 1 });
      }
    });
    const runs = [...fresh].map(([entry, { key, count }]) => this.#runOf(entry, key, count));
    this.#play(runs);
    for (const run of runs) this.#keep(run);
  }

  /** A partition with its rows and matches; `fresh` = 0: all rows are new. */
  #runOf(entry: number, key: PartitionKey, fresh: number): MatchRun {
    const { kernels, memory } = this.context.runtime;
    const map = this.#kept!.ptr;
    const hashes = kernels.arenaAlloc(8) >>> 0;
    const entries = kernels.arenaAlloc(4) >>> 0;
    const out = kernels.arenaAlloc(8) >>> 0;
    const hash = Number(key.hash >> 32n);
    new DataView(memory.buffer).setBigUint64(hashes, key.hash, true);
    new DataView(memory.buffer).setUint32(entries, entry, true);
    const count = kernels.setsRows(map, 1, hashes, entries, out) >>> 0;
    const views = new DataView(memory.buffer).getUint32(out, true);
    const addresses = new Uint32Array(
      memory.buffer,
      kernels.viewAddresses(count, views) >>> 0,
      count,
    );
    const run = new MatchRun({
      entry,
      hash,
      key,
      views,
      addresses: addresses.slice(),
      next: fresh === 0 ? 0 : count - fresh,
      positions: this.#pattern.positions,
    });
    const handle = new DataView(memory.buffer).getUint32(entry + BLOCK, true);
    if (handle !== 0) this.#load(run, kernels.logPtr(map, hash, handle) >>> 0);
    return run;
  }

  #load(run: MatchRun, block: number): void {
    const { buffer } = this.context.runtime.memory;
    const data = new DataView(buffer);
    const partial = data.getUint32(block, true) * run.partial.width;
    const done = data.getUint32(block + 4, true) * run.done.width;
    const at = block + BLOCK_HEADER;
    run.partial.load(new Int32Array(buffer, at, partial));
    run.done.load(new Int32Array(buffer, at + partial * 4, done));
  }

  /** All new rows of the partitions, round by round; matches go out as they are done. `ends`: there are no rows behind them. */
  #play(runs: readonly MatchRun[], ends = false): void {
    const conditions = this.#conditions!;
    const found = new MatchRecords(this.#pattern.positions);
    const owners: MatchRun[] = [];
    conditions.begin(runs, this.#kept!.ptr);
    const { withinMs } = this.#node;
    if (withinMs > 0)
      for (const run of runs) run.times = this.#times!.ofEncoded(this.#format!, run.addresses);
    let active = runs.filter((run) => run.next < run.addresses.length);
    while (active.length > 0) {
      if (withinMs > 0)
        for (const run of active) this.#forget(run, run.times![run.next]!, found, owners);
      conditions.round(active);
      for (const run of active) {
        run.step(this.#pattern, conditions.fits);
        this.#release(run, found, owners);
      }
      active = active.filter((run) => run.next < run.addresses.length);
      if (found.count >= MAX_BATCH_ROWS) this.#emit(found, owners);
    }
    if (ends && withinMs > 0) for (const run of runs) this.#forget(run, Infinity, found, owners);
    this.#emit(found, owners);
  }

  /** Partitions in which matches in the making began too long before `until`. */
  #expireUntil(until: number): void {
    this.#expiry?.fire(until, ({ n, hashes, keys }: TimerKeys, isDue) => {
      const { kernels, memory } = this.context.runtime;
      const list = kernels.arenaAlloc(n * 4) >>> 0;
      kernels.mapFindBatch(this.#kept!.ptr, n, hashes, keys, list);
      const entries = new Uint32Array(memory.buffer, list, n).slice();
      const width = this.#keys!.keyBytes < 0 ? 8 : this.#keys!.keyBytes;
      const runs: MatchRun[] = [];
      entries.forEach((entry, i) => {
        if (entry === 0 || !isDue(entry)) return;
        const hash = new DataView(memory.buffer).getBigUint64(hashes + i * 8, true);
        const run = this.#runOf(entry, { address: keys + i * width, hash }, 0);
        run.next = run.addresses.length;
        run.times = this.#times!.ofEncoded(this.#format!, run.addresses);
        runs.push(run);
      });
      const found = new MatchRecords(this.#pattern.positions);
      const owners: MatchRun[] = [];
      for (const run of runs) this.#forget(run, until, found, owners);
      this.#emit(found, owners);
      for (const run of runs) this.#keep(run);
    });
  }

  /** Matches in the making that began too long before `now`. */
  #forget(run: MatchRun, now: number, found: MatchRecords, owners: MatchRun[]): void {
    const times = run.times!;
    const { partial } = run;
    const before = partial.count;
    partial.removeIf((i) => now - times[partial.get(i, START)]! >= this.#node.withinMs);
    if (partial.count < before) this.#release(run, found, owners);
  }

  #release(run: MatchRun, found: MatchRecords, owners: MatchRun[]): void {
    const fault = this.#pattern.release(run.partial, run.done, (record) => {
      found.pushCopy(run.done, record);
      owners.push(run);
    });
    if (fault === undefined) return;
    const { after, pattern, description: operator } = this.#node;
    const variable = "position" in after ? pattern[after.position]!.variable : "";
    throw operatorErrors.MATCH_SKIP({
      operator,
      variable,
      reason:
        fault === "skip-to-start"
          ? "Could not skip to first element of a match."
          : "the match has no row of it",
    });
  }

  #emit(found: MatchRecords, owners: MatchRun[]): void {
    const { runtime, output } = this.context;
    const { references, aggregates } = this.#measureSpec!;
    if (found.count === 0) return;
    const mark = runtime.kernels.arenaMark();
    const { rows, bases } = joinedRows(aggregates.length === 0 ? [] : owners);
    const rangeOf = (match: number, position: number) => {
      const start = found.get(match, START);
      if (position < 0) return { from: start, count: found.get(match, END) - start + 1 };
      let from = start;
      for (let q = 0; q < position; q++) from += found.get(match, COUNTS + q);
      return { from, count: found.get(match, COUNTS + position) };
    };
    const batch = this.#measures!.evaluate(
      {
        matches: found.count,
        rows,
        hash: (match) => owners[match]!.hash,
        row: (match, reference) => {
          const { position, first, offset } = references[reference]!;
          const { from, count } = rangeOf(match, position);
          if (offset >= count) return 0;
          return owners[match]!.addresses[first ? from + offset : from + count - 1 - offset]!;
        },
        range: (match, position) => {
          const { from, count } = rangeOf(match, position);
          return { from: bases.get(owners[match]!)! + from, count };
        },
      },
      this.#kept!.ptr,
    );
    found.clear();
    owners.length = 0;
    output.emit(batch);
    runtime.kernels.arenaRelease(mark);
  }

  // ------------------------------------------------------------------------------ what is kept

  /** Leaves in state the rows that a match may still need, and the matches themselves. */
  #keep(run: MatchRun): void {
    const { kernels, memory } = this.context.runtime;
    const map = this.#kept!.ptr;
    const first = run.firstNeeded();
    const open = run.times?.[firstStart(run.partial)];
    const waits = this.#expiry?.markOf(run.entry) ?? 0;
    const before = new DataView(memory.buffer).getUint32(run.entry + BLOCK, true);
    if (before !== 0) kernels.logFree(map, run.hash, before);
    let { entry } = run;
    if (first > 0) entry = this.#trim(run, first);
    if (entry === 0) return;
    const partial = run.partial.numbers();
    const done = run.done.numbers();
    const length = BLOCK_HEADER + (partial.length + done.length) * 4;
    const handle = kernels.logAllocate(map, run.hash, length);
    const block = kernels.logPtr(map, run.hash, handle) >>> 0;
    const data = new DataView(memory.buffer);
    data.setUint32(block, run.partial.count, true);
    data.setUint32(block + 4, run.done.count, true);
    const numbers = new Int32Array(
      memory.buffer,
      block + BLOCK_HEADER,
      partial.length + done.length,
    );
    numbers.set(partial);
    numbers.set(done, partial.length);
    data.setUint32(entry + BLOCK, handle, true);
    if (open !== undefined) this.#expiry?.arm(entry, run.key, open + this.#node.withinMs, waits);
  }

  /** Drops the rows before `first`; returns the new entry, 0 when nothing is left. */
  #trim(run: MatchRun, first: number): number {
    const { kernels, memory } = this.context.runtime;
    const map = this.#kept!.ptr;
    const n = run.addresses.length - first;
    const copies = kernels.arenaAlloc(Math.max(1, n) * 8) >>> 0;
    for (let i = 0; i < n; i++) {
      const view = new DataView(memory.buffer).getBigUint64(run.views + (first + i) * 8, true);
      const from = Number(view & 0xffffffffn);
      const length = Number(view >> 32n);
      const to = kernels.arenaAlloc(Math.max(1, length)) >>> 0;
      new Uint8Array(memory.buffer).copyWithin(to, from, from + length);
      new DataView(memory.buffer).setBigUint64(
        copies + i * 8,
        BigInt(to) | (BigInt(length) << 32n),
        true,
      );
    }
    const { key } = run;
    const hashes = kernels.arenaAlloc(Math.max(1, n) * 8) >>> 0;
    const entries = kernels.arenaAlloc(Math.max(1, n) * 4) >>> 0;
    const data = new DataView(memory.buffer);
    data.setBigUint64(hashes, key.hash, true);
    data.setUint32(entries, run.entry, true);
    kernels.setsRemove(map, 1, hashes, entries);
    run.shift(first);
    if (n === 0) return 0;
    kernels.mapUpsertBatch(map, 1, hashes, key.address, entries);
    const entry = new DataView(memory.buffer).getUint32(entries, true);
    new BigUint64Array(memory.buffer, hashes, n).fill(key.hash);
    new Uint32Array(memory.buffer, entries, n).fill(entry);
    kernels.setsAppend(map, n, hashes, entries, copies);
    return entry;
  }

  /** Of an entry in state, for reading its rows: the lower half of the hash is not kept. */
  #keyOf(entry: number): PartitionKey {
    const distance = hashDistance(this.#kept!.spec.keyBytes);
    const { buffer } = this.context.runtime.memory;
    const hash = BigInt(new DataView(buffer).getUint32(entry - distance, true));
    return { address: 0, hash: hash << 32n };
  }
}
