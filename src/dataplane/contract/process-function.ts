/**
 * ProcessFunction: a process table function in TypeScript, as its author writes it.
 *
 * Flow:    operators/process-table-function calls eval() for every row of every table argument, and onTimer() for timers
 *          that the watermark has passed; both see the state of the row's (the timer's) partition key.
 * Values:  as columnar/value-reader.ts has them; ARRAY an array, MAP an array of [key, value], ROW an array of its fields.
 * Times:   epoch milliseconds; END_OF_TIME stands for the end of all input.
 * Source:  Flink ProcessTableFunction, TimeContext, ListView, MapView.
 */
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";
import type { RowKind } from "../../foundation/columnar/row-kind.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import type { ProcessChanges } from "../../foundation/plan/process-table-function.ts";

/** A timer so late fires when all tables have ended. */
export const END_OF_TIME = Number.MAX_SAFE_INTEGER;

export interface ProcessRow {
  readonly kind: RowKind;
  readonly values: readonly Value[];
  get(field: string): Value;
  /** `+I[Bob, 12]` */
  toString(): string;
}

export interface ValueState {
  get(): Value;
  set(value: Value): void;
  clear(): void;
}

export interface ListState {
  get(): readonly Value[];
  add(value: Value): void;
  set(values: readonly Value[]): void;
  clear(): void;
}

export interface MapState {
  entries(): readonly (readonly [Value, Value])[];
  get(key: Value): Value;
  has(key: Value): boolean;
  put(key: Value, value: Value): void;
  remove(key: Value): void;
  clear(): void;
}

export interface TimeContext {
  /** The row's time (of the column that on_time or ORDER BY names), or the timer's; null where there is none. */
  readonly time: number | null;
  /** Of all tables together; null before the first. */
  readonly currentWatermark: number | null;
  /** Of the row's table; null in onTimer. */
  readonly tableWatermark: number | null;
  /** A timer of that name moves. */
  registerOnTime(time: number, name?: string): void;
  /** A name, or the time of a timer without one. */
  clearTimer(timer: string | number): void;
  clearAllTimers(): void;
}

export interface TableSemantics {
  readonly type: LogicalType;
  readonly partitionKeys: readonly number[];
  readonly changes: ProcessChanges;
}

export interface ProcessContext {
  readonly time: TimeContext;
  /** What the function may emit. */
  readonly changes: ProcessChanges;
  tableSemantics(argument: string): TableSemantics;
  value(name: string): ValueState;
  list(name: string): ListState;
  map(name: string): MapState;
  clearState(name: string): void;
  clearAllState(): void;
  /** Milliseconds that an entry of state is kept since it was last written; 0 = for ever. */
  stateTtlMs(name: string): number;
  /** A row of the declared output; keys, passed-through columns and rowtime are added. */
  collect(values: readonly Value[], kind?: RowKind): void;
}

/** By parameter: the row of the table whose turn it is (null for the others), values, names of a DESCRIPTOR. */
export type ProcessArguments = Readonly<Record<string, ProcessRow | Value | readonly string[]>>;

/** The code; what it declares is in the plan. */
export interface ProcessFunction {
  eval(context: ProcessContext, args: ProcessArguments): void;
  /** `timer`: its name, or null. */
  onTimer?(context: ProcessContext, timer: string | null): void;
}

/** The function that a plan names; undefined: it is not here. */
export type ProcessFunctionLookup = (className: string) => ProcessFunction | undefined;
