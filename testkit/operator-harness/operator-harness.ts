/**
 * OperatorHarness: one operator alone, fed with rows, watermarks and times; what it emits is collected as text.
 *
 * Input:   rows as ["+I", value, …] (values as codegen's test-batches takes them; BIGINT and TIMESTAMP(3) also as numbers).
 * Output:  "+I[1, a]" per row, "watermark 5" per watermark.
 * State:   harness-state.ts; a restore is a new operator in a new worker that finds its maps filled.
 */
import { readFileSync } from "node:fs";
import type { BatchPtr } from "../../src/foundation/columnar/batch.ts";
import { RowReader } from "../../src/foundation/columnar/value-reader.ts";
import { formatRow } from "../../src/foundation/columnar/value-text.ts";
import { ROW_KIND_TEXT } from "../../src/foundation/columnar/row-kind.ts";
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { ExecNode } from "../../src/foundation/plan/exec-node.ts";
import { type TestValue, writeBatch } from "../../src/dataplane/codegen/test-batches.ts";
import { compileKeyCodec } from "../../src/dataplane/codegen/codecs/key-codec.ts";
import { BatchRows } from "../../src/dataplane/operators/rows/batch-rows.ts";
import type { KeyedStateBackend } from "../../src/dataplane/contract/keyed-state.ts";
import {
  MAX_WATERMARK,
  MIN_WATERMARK,
  type Operator,
  type OperatorContext,
  type OperatorFactory,
  type WorkerRuntime,
} from "../../src/dataplane/contract/operator.ts";
import { operatorFactories } from "../../src/dataplane/operators/index.ts";
import { instantiateKernels } from "../../src/dataplane/kernels/instantiate.ts";
import { type HarnessSubtask, HarnessState, type StateSnapshot } from "./harness-state.ts";

export type HarnessRow = readonly [kind: string, ...values: readonly (TestValue | number)[]];

export interface HarnessOptions {
  readonly node: ExecNode;
  /** In place of the registered one. */
  readonly factory?: OperatorFactory;
  readonly inputs: readonly Schema[];
  readonly mode?: "streaming" | "batch";
  readonly config?: Readonly<Record<string, string>>;
  /** Functions of the user. */
  readonly userFunction?: OperatorContext["userFunction"];
  readonly maxParallelism?: number;
  /** For operators that keep rows beside state. */
  readonly spillSpace?: OperatorContext["spill"];
  /** After every call all pages of state leave memory: whatever it touches next has to come back. */
  readonly spill?: boolean;
  /** Takes only the rows and state of one subtask; rows are distributed by `keys`. */
  readonly subtask?: HarnessSubtask;
  readonly keys?: readonly number[];
}

export interface HarnessSnapshot {
  readonly state: StateSnapshot;
  readonly nowMs: number;
  readonly watermark: number | undefined;
}

let kernelsModule: WebAssembly.Module | undefined;

export class OperatorHarness {
  readonly runtime: WorkerRuntime;
  readonly counters = new Map<string, { value: number }>();
  readonly timers: number[] = [];
  readonly #options: HarnessOptions;
  readonly #operator: Operator;
  readonly #reader: RowReader;
  readonly #state: HarnessState;
  #watermark: number | undefined;
  #output: string[] = [];
  #nowMs: number;

  constructor(options: HarnessOptions, restored?: HarnessSnapshot) {
    kernelsModule ??= new WebAssembly.Module(
      readFileSync(new URL("../../src/dataplane/kernels/kernels.wasm", import.meta.url)),
    );
    this.#options = options;
    this.runtime = instantiateKernels(kernelsModule) as unknown as WorkerRuntime;
    this.#nowMs = restored?.nowMs ?? 0;
    this.#reader = new RowReader(this.runtime.memory, options.node.output);
    this.runtime.kernels.stateSetTime(Math.floor(this.#nowMs / 1000));
    this.#state = new HarnessState(
      this.runtime,
      {
        maxParallelism: options.maxParallelism ?? 4,
        ...(options.subtask === undefined ? {} : { subtask: options.subtask }),
      },
      restored?.state,
    );
    const registered = operatorFactories[options.node.type] as unknown;
    const factory = options.factory ?? (registered as OperatorFactory | undefined);
    if (factory === undefined) throw new Error(`no operator for ${options.node.type}`);
    this.#operator = factory(options.node, this.#context(this.#state));
    this.#operator.open();
    if (restored?.watermark !== undefined) {
      this.watermark(restored.watermark);
      this.take();
    }
  }

  rows(input: number, rows: readonly HarnessRow[]): this {
    return this.#call(() => {
      const schema = this.#options.inputs[input]!;
      const kinds = rows.map(([kind]) => ROW_KIND_TEXT.indexOf(kind as "+I"));
      const insertOnly = kinds.every((kind) => kind === 0);
      const values = rows.map(([, ...rest]) => rest as TestValue[]);
      const batch = writeBatch(this.runtime, schema, values, insertOnly ? undefined : kinds);
      const own = this.#ownRows(schema, batch, rows.length);
      if (own !== 0) this.#operator.processBatch(input, own);
    });
  }

  /** The rows of this subtask, 0 when there is none. */
  #ownRows(schema: Schema, batch: BatchPtr, n: number): BatchPtr {
    const { subtask, keys = [], maxParallelism = 4 } = this.#options;
    if (subtask === undefined) return batch;
    const { kernels, memory } = this.runtime;
    const { runtime } = this;
    const codec = compileKeyCodec({ schema, fields: keys, runtime, operator: "exchange" });
    const { hashes } = codec.encode(batch);
    const { index, parallelism } = subtask;
    const offsets = kernels.arenaAlloc((parallelism + 1) * 4) >>> 0;
    const list = kernels.arenaAlloc(n * 4) >>> 0;
    kernels.partitionRows(n, hashes, maxParallelism, parallelism, offsets, list);
    const data = new DataView(memory.buffer);
    const from = data.getUint32(offsets + index * 4, true);
    const count = data.getUint32(offsets + index * 4 + 4, true) - from;
    return count === 0 ? 0 : new BatchRows(runtime, schema).gather(batch, list + from * 4, count);
  }

  /** Of all inputs, or of one for operators that take them apart. */
  watermark(watermark: number, input?: number): this {
    if (input === undefined) this.#watermark = watermark;
    const operator = this.#operator;
    const inputs = input === undefined ? this.#options.inputs.map((_, i) => i) : [input];
    for (const each of inputs) this.#call(() => operator.processInputWatermark?.(each, watermark));
    return input === undefined ? this.#call(() => operator.processWatermark(watermark)) : this;
  }

  /** Moves the clock and fires the timers that are due, in order. */
  time(nowMs: number): this {
    this.#nowMs = nowMs;
    this.runtime.kernels.stateSetTime(Math.floor(nowMs / 1000));
    this.timers.sort((a, b) => a - b);
    while (this.timers.length > 0 && this.timers[0]! <= nowMs) {
      const time = this.timers.shift()!;
      this.#call(() => this.#operator.onProcessingTime(time));
    }
    return this;
  }

  /** Ends all inputs. */
  end(): this {
    this.watermark(MAX_WATERMARK);
    for (let i = 0; i < Math.max(1, this.#options.inputs.length); i++) this.endInput(i);
    return this;
  }

  /** Ends one input; its operator emits all that this leaves to do. */
  endInput(input: number): this {
    this.#call(() => this.#operator.endInput(input));
    for (let more = this.#operator.emitPiece !== undefined; more; )
      this.#call(() => {
        more = this.#operator.emitPiece!();
      });
    return this;
  }

  /** What was emitted since the last call. */
  take(): string[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Entries of one of its maps. */
  size(name: string): number {
    const map = this.#state.maps.get(name);
    return map === undefined ? 0 : this.runtime.kernels.mapSize(map.ptr);
  }

  close(): void {
    this.#operator.close();
  }

  snapshot(): HarnessSnapshot {
    this.#call(() => this.#operator.prepareSnapshot());
    return { state: this.#state.snapshot(), nowMs: this.#nowMs, watermark: this.#watermark };
  }

  #call(action: () => void): this {
    const mark = this.runtime.kernels.arenaMark();
    action();
    this.runtime.kernels.arenaRelease(mark);
    if (this.#options.spill === true) this.#state.spillAll();
    return this;
  }

  #receive(batch: BatchPtr): boolean {
    for (let row = 0; row < this.#reader.rows(batch); row++) {
      const kind = this.#reader.kind(batch, row);
      const { schema } = this.#reader;
      this.#output.push(formatRow(kind, this.#reader.read(batch, row), schema));
    }
    return true;
  }

  #context(state: KeyedStateBackend): OperatorContext {
    return {
      runtime: this.runtime,
      inputs: this.#options.inputs,
      state,
      output: {
        emit: (batch) => this.#receive(batch),
        emitWatermark: (watermark) => {
          if (watermark < MAX_WATERMARK) this.#output.push(`watermark ${watermark}`);
        },
      },
      clock: { nowMs: () => this.#nowMs, monotonicMs: () => this.#nowMs },
      random: { u32: () => 4, hex: (count) => "0".repeat(count * 2) },
      metrics: {
        counter: (name) => {
          const counter = this.counters.get(name) ?? { value: 0 };
          this.counters.set(name, counter);
          return counter;
        },
        gauge: () => {},
      },
      subtaskIndex: this.#options.subtask?.index ?? 0,
      parallelism: this.#options.subtask?.parallelism ?? 1,
      config: this.#options.config ?? {},
      ...(this.#options.spillSpace === undefined ? {} : { spill: this.#options.spillSpace }),
      ...(this.#options.userFunction === undefined
        ? {}
        : { userFunction: this.#options.userFunction }),
      timeZone: "UTC",
      mode: this.#options.mode ?? "streaming",
      currentWatermark: () => this.#watermark ?? MIN_WATERMARK,
      registerProcessingTimer: (time) => {
        if (!this.timers.includes(time)) this.timers.push(time);
      },
    };
  }
}
