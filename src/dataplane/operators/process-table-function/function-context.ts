/** FunctionContext: what a process table function may ask and do while it runs; for one key at a time. */
import { types } from "../../../foundation/columnar/logical-type.ts";
import { RowKind } from "../../../foundation/columnar/row-kind.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { ProcessTableFunctionNode } from "../../../foundation/plan/exec-node.ts";
import type {
  ProcessChanges,
  UserProcess,
} from "../../../foundation/plan/process-table-function.ts";
import type { KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type {
  ListState,
  MapState,
  ProcessContext,
  TableSemantics,
  TimeContext,
  ValueState,
} from "../../contract/process-function.ts";
import { operatorErrors } from "../errors.ts";
import { KeyedCell, type StateKey } from "../rows/keyed-cell.ts";
import { type StateEntry, stateEntry, typeOfState } from "./process-state.ts";
import type { ProcessTimers } from "./process-timers.ts";
import { tableFields } from "./process-values.ts";

const INSERTS: ProcessChanges = { kinds: ["INSERT"], keyOnlyDeletes: false };

interface Cell {
  readonly kind: string;
  readonly cell: KeyedCell;
  readonly entry: StateEntry;
}

export interface FunctionContextOptions {
  readonly node: ProcessTableFunctionNode;
  readonly spec: UserProcess;
  readonly context: OperatorContext;
  readonly keys: KeyCodec;
  readonly timers: ProcessTimers | undefined;
  readonly collect: (values: readonly Value[], kind: RowKind) => void;
}

export class FunctionContext implements ProcessContext {
  readonly time: TimeContext;
  /** The last watermark; null before the first. */
  watermark: number | null = null;
  /** By table. */
  readonly tableWatermarks: number[] = [];
  readonly #options: FunctionContextOptions;
  readonly #cells = new Map<string, Cell>();
  #time: number | null = null;
  /** The table whose row it is; -1 for a timer. */
  #input = -1;

  constructor(options: FunctionContextOptions) {
    this.#options = options;
    const { spec, node, context, keys } = options;
    for (const state of spec.state) {
      const cell = new KeyedCell(context, keys, {
        name: `state-${state.name}`,
        type: typeOfState(state),
        ttlMs: state.ttlMs ?? node.stateTtlMs ?? 0,
      });
      this.#cells.set(state.name, { kind: state.kind, cell, entry: stateEntry(cell, state) });
    }
    this.time = this.#timeContext();
  }

  get changes(): ProcessChanges {
    return this.#options.spec.outputChanges ?? INSERTS;
  }

  tableSemantics(argument: string): TableSemantics {
    const { node, spec, context } = this.#options;
    const index = node.tables.findIndex(({ name }) => name === argument);
    const table = node.tables[index];
    if (table === undefined)
      throw operatorErrors.PROCESS_FAILED({ message: `no table argument '${argument}'` });
    return {
      type: types.row(tableFields(table, context.inputs[index]!)),
      partitionKeys: table.partitionKeys,
      changes: spec.inputChanges?.[index] ?? INSERTS,
    };
  }

  value(name: string): ValueState {
    return this.#entry(name, "value");
  }

  list(name: string): ListState {
    return this.#entry(name, "list");
  }

  map(name: string): MapState {
    return this.#entry(name, "map");
  }

  clearState(name: string): void {
    this.#cell(name).entry.clear();
  }

  clearAllState(): void {
    for (const { entry } of this.#cells.values()) entry.clear();
  }

  stateTtlMs(name: string): number {
    return this.#cell(name).cell.ttlMs;
  }

  collect(values: readonly Value[], kind: RowKind = RowKind.INSERT): void {
    this.#options.collect(values, kind);
  }

  moveTo(key: StateKey, input: number, time: number | null): void {
    for (const { cell } of this.#cells.values()) cell.moveTo(key);
    this.#options.timers?.moveTo(key);
    this.#input = input;
    this.#time = time;
  }

  /** State and timers that the call has changed. */
  write(): void {
    for (const { cell } of this.#cells.values()) cell.write();
    this.#options.timers?.write();
  }

  /** Names of the timers that are due; one that an earlier one has cleared is not. */
  *dueTimers(time: number): Iterable<string | null> {
    const timers = this.#timers();
    for (let due = timers.take(time); due !== undefined; due = timers.take(time)) yield due.name;
  }

  #entry(name: string, kind: string): StateEntry {
    const cell = this.#cell(name);
    if (cell.kind === kind) return cell.entry;
    throw operatorErrors.PROCESS_FAILED({ message: `state '${name}' is no ${kind}` });
  }

  #cell(name: string): Cell {
    const cell = this.#cells.get(name);
    if (cell !== undefined) return cell;
    throw operatorErrors.PROCESS_FAILED({ message: `no state '${name}' is declared` });
  }

  #timers(): ProcessTimers {
    const { timers } = this.#options;
    if (timers !== undefined) return timers;
    throw operatorErrors.PROCESS_FAILED({
      message: "Timers are not supported in the current PTF declaration.",
    });
  }

  #timeContext(): TimeContext {
    const own = this;
    return {
      get time() {
        return own.#time;
      },
      get currentWatermark() {
        return own.watermark;
      },
      get tableWatermark() {
        return own.tableWatermarks[own.#input] ?? null;
      },
      registerOnTime: (time, name) => this.#timers().register(time, name ?? null),
      clearTimer: (timer) => this.#timers().clear(timer),
      clearAllTimers: () => this.#timers().clearAll(),
    };
  }
}
