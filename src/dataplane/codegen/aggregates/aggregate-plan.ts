/**
 * AggregatePlan: the aggregates of one operator as code over one accumulator layout.
 *
 * Groups:  calls whose values count under the same condition (argument not NULL, filter TRUE, DISTINCT or not) are updated
 *          under one test, together with their shared counter.
 * DISTINCT: a further keyed map per argument list, (group key, arguments) → for each filter a count of rows (with
 *          retraction, i64 each) or a bit (append-only, in one u64): distinctSets says what to keep.
 * Errors:  AGGREGATE_UNSUPPORTED.
 */
import { assert } from "../../../foundation/base/errors.ts";
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import { physicalIndex, type Schema } from "../../../foundation/columnar/schema.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { codegenErrors } from "../errors.ts";
import { AccumulatorLayout, ROWS_OFFSET } from "./accumulator-layout.ts";
import type { AggregateCode, Presence } from "./aggregate-code.ts";
import { collectionCode, countsNulls, WELFORD_M2 } from "./collection-choice.ts";
import { keptCode, listCode, multisetCode } from "./extremes.ts";
import { orderedCode } from "./ordered.ts";
import { averageCode, countCode, type LateFlag, SUM_WIDTH, sumCode, type SumForm } from "./sums.ts";

/** Calls that share a condition. */
export interface AggregateGroup {
  /** Field index of the argument that must not be NULL, or -1. */
  readonly arg: number;
  readonly filter: number;
  /** Offset of the shared counter, when one is kept. */
  readonly counter: number | undefined;
  /** Index into distinctSets, or -1; `bit` is the filter's number within the set. */
  readonly distinct: number;
  readonly bit: number;
  readonly members: readonly { readonly call: AggregateCall; readonly code: AggregateCode }[];
}

export interface DistinctSet {
  /** Lineage of the arguments, where the plan gives it. */
  readonly label?: string;
  /** Field indexes of the arguments. */
  readonly args: readonly number[];
  /** Filters, -1 for none: one count or bit each. */
  readonly filters: readonly number[];
  /** What the filters are, by lineage where the plan gives it. */
  readonly filterLabels: readonly string[];
  /** Whether NULL is one of the values. */
  readonly nulls: boolean;
  readonly valueBytes: number;
}

const INTEGERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]);
const MAX_DISTINCT_FILTERS = 64;

export interface AggregatePlanOptions {
  readonly retract: boolean;
  /** DISTINCT values were counted elsewhere: accumulators hold what they came to. */
  readonly isResolved?: boolean | undefined;
}

export class AggregatePlan {
  readonly layout = new AccumulatorLayout();
  /** In order of the calls. */
  readonly codes: readonly AggregateCode[];
  readonly groups: readonly AggregateGroup[];
  readonly distinctSets: readonly DistinctSet[];
  readonly retract: boolean;
  readonly schema: Schema;
  readonly #lateFlags: LateFlag[] = [];

  constructor(
    schema: Schema,
    unnamed: readonly AggregateCall[],
    { retract, isResolved = false }: AggregatePlanOptions,
  ) {
    const calls = unnamed.map((call) => ({ ...call, name: call.state?.name ?? call.name }));
    this.schema = schema;
    this.retract = retract;
    this.distinctSets = isResolved ? [] : distinctSets(calls, retract);
    for (const call of calls) if (this.#needsCounter(call)) this.#counter(call, true);
    this.codes = calls.map((call) => this.#code(call));
    for (const late of this.#lateFlags) late.flag = this.layout.flag(late.name);
    this.groups = this.#groups(calls);
  }

  /** True when every row changes a result: one of them counts rows. */
  get countsEveryRow(): boolean {
    const calls = this.groups.flatMap(({ members }) => members.map(({ call }) => call));
    return calls.some((call) => call.function === "COUNT" && this.#alwaysCounts(call));
  }

  /** A flag behind those that older snapshots have. */
  #lateFlag(name: string): LateFlag {
    const late: LateFlag = { name, flag: undefined };
    this.#lateFlags.push(late);
    return late;
  }

  argType(call: AggregateCall, index = 0): LogicalType {
    const field = this.schema.fields[call.args[index] ?? -1];
    assert(field !== undefined, `${call.function} has no argument ${index}`);
    return field.type;
  }

  #needsCounter(call: AggregateCall): boolean {
    switch (call.function) {
      case "COUNT":
      case "AVG":
      case WELFORD_M2:
        return true;
      case "SUM":
      case "BITMAP_XOR_AGG":
      case "BITMAP_XOR_CARDINALITY_AGG":
        return this.retract;
      default:
        return false;
    }
  }

  /** Offset of the counter of the call's condition; ROWS_OFFSET when every row counts. */
  #counter(call: AggregateCall, create: boolean): number | undefined {
    if (this.#alwaysCounts(call)) return ROWS_OFFSET;
    this.layout.condition = conditionLabel(call);
    return this.layout.counter(conditionKey(call), create);
  }

  #alwaysCounts(call: AggregateCall): boolean {
    if (call.filter >= 0 || isDistinct(call)) return false;
    return conditionArg(call) < 0 || !this.argType(call).nullable;
  }

  #presence(call: AggregateCall): Presence {
    const counter = this.#counter(call, false);
    if (counter === ROWS_OFFSET) return { kind: "rows" };
    if (counter !== undefined) return { kind: "counter", offset: counter };
    return { kind: "flag", flag: this.layout.flag(call.name) };
  }

  #code(call: AggregateCall): AggregateCode {
    const { layout } = this;
    const { type, name } = call;
    layout.condition = conditionLabel(call);
    switch (call.function) {
      case "COUNT":
        return countCode(type, this.#counter(call, true)!);
      case "SUM":
      case "SUM0":
      case "$SUM0": {
        const form = sumForm(call, this.argType(call), type);
        const offset = layout.slot(name, SUM_WIDTH[form], type);
        const zero = call.function !== "SUM";
        const presence: Presence = zero ? { kind: "rows" } : this.#presence(call);
        const beyond = form === "i128" ? this.#lateFlag(`${name} beyond`) : undefined;
        return sumCode({ type, form, offset, presence, zero, beyond });
      }
      case "AVG": {
        const arg = this.argType(call);
        const form = averageForm(call, arg);
        const offset = layout.slot(name, SUM_WIDTH[form], type);
        const scale = arg.kind === "DECIMAL" ? arg.scale : 0;
        return averageCode({ type, form, offset, countOffset: this.#counter(call, true)!, scale });
      }
      case "MIN":
      case "MAX":
        if (this.retract) {
          const offset = layout.handle(name);
          return multisetCode({ type, greatest: call.function === "MAX", offset });
        }
        return this.#kept(call, call.function === "MIN" ? "min" : "max");
      case "FIRST_VALUE":
      case "LAST_VALUE":
        if (this.retract) {
          const offset = layout.handle(name);
          return orderedCode({
            type,
            end: call.function === "LAST_VALUE" ? "last" : "first",
            offset,
          });
        }
        return this.#kept(call, call.function === "FIRST_VALUE" ? "first" : "last");
      case "LISTAGG": {
        const offset = layout.handle(name);
        const given = call.args.length > 1;
        const separator = given || this.retract ? layout.handle(`${name} separator`) : undefined;
        if (!this.retract)
          return listCode({ type, offset, presence: this.#presence(call), separator });
        return orderedCode({ type, end: "joined", offset, separator });
      }
      default:
        return this.#collection(call);
    }
  }

  #collection(call: AggregateCall): AggregateCode {
    const code = collectionCode(call, {
      layout: this.layout,
      retract: this.retract,
      counter: () => this.#counter(call, true)!,
      argType: (index) => this.argType(call, index),
    });
    if (code !== undefined) return code;
    throw codegenErrors.AGGREGATE_UNSUPPORTED({
      function: call.function,
      reason: "there is no such built-in aggregate",
    });
  }

  #kept(call: AggregateCall, choice: "min" | "max" | "first" | "last"): AggregateCode {
    const { type, name } = call;
    const physical = physicalOf(type);
    if (physical === "row")
      throw codegenErrors.TYPE_UNSUPPORTED({ type: typeToString(type), where: call.function });
    const width = physical === "i128" || physical === "ts128" ? 16 : wide(physical) ? 8 : 4;
    const offset =
      physical === "view"
        ? this.layout.handle(name, { flat: true })
        : this.layout.slot(name, width, type);
    return keptCode({ type, choice, offset, presence: this.#presence(call) });
  }

  #groups(calls: readonly AggregateCall[]): AggregateGroup[] {
    const groups = new Map<
      string,
      AggregateGroup & { members: { call: AggregateCall; code: AggregateCode }[] }
    >();
    calls.forEach((call, index) => {
      const key = conditionKey(call);
      let group = groups.get(key);
      if (group === undefined) {
        const distinct = isDistinct(call) ? this.#distinctSet(call) : -1;
        const counter = this.#counter(call, false);
        group = {
          arg: conditionArg(call),
          filter: call.filter,
          counter: counter === ROWS_OFFSET ? undefined : counter,
          distinct,
          bit: distinct < 0 ? -1 : this.distinctSets[distinct]!.filters.indexOf(call.filter),
          members: [],
        };
        groups.set(key, group);
      }
      group.members.push({ call, code: this.codes[index]! });
    });
    return [...groups.values()];
  }

  #distinctSet(call: AggregateCall): number {
    const key = distinctKey(call);
    return this.distinctSets.findIndex((set) => distinctKey(set) === key);
  }

  /** Physical column of a field. */
  column(field: number): number {
    return physicalIndex(this.schema, field);
  }
}

/** DISTINCT changes nothing for MIN and MAX. */
function isDistinct(call: AggregateCall): boolean {
  return call.distinct && call.function !== "MIN" && call.function !== "MAX";
}

/** Field index of the argument that must not be NULL, or -1. LISTAGG's separator is a constant. */
function conditionArg(call: AggregateCall): number {
  return countsNulls(call) ? -1 : (call.args[0] ?? -1);
}

function conditionKey(call: AggregateCall): string {
  const values = isDistinct(call) ? `distinct ${distinctKey(call)}` : conditionArg(call);
  return `${values} ${call.filter}`;
}

/** The condition as a snapshot names it: by lineage where the plan gives it. */
function conditionLabel(call: AggregateCall): string {
  const { state } = call;
  if (state === undefined) return conditionKey(call);
  const filter = state.filter === "" ? "" : ` FILTER (${state.filter})`;
  if (isDistinct(call)) return `DISTINCT ${state.args.join(", ")}${filter}`;
  return `${conditionArg(call) < 0 ? "*" : state.args[0]}${filter}`;
}

function distinctKey(of: AggregateCall | DistinctSet): string {
  const nulls = "nulls" in of ? of.nulls : countsNulls(of);
  return `${of.args.join()}${nulls ? " with NULL" : ""}`;
}

function distinctSets(calls: readonly AggregateCall[], retract: boolean): DistinctSet[] {
  const sets = new Map<
    string,
    Omit<DistinctSet, "valueBytes"> & {
      readonly filters: number[];
      readonly filterLabels: string[];
    }
  >();
  for (const call of calls.filter(isDistinct)) {
    if (call.function === "COUNT" && call.args.length !== 1)
      throw codegenErrors.AGGREGATE_UNSUPPORTED({
        function: "COUNT(DISTINCT …)",
        reason: "it takes exactly one argument",
      });
    const key = distinctKey(call);
    const set = sets.get(key) ?? {
      args: call.args,
      filters: [],
      filterLabels: [],
      nulls: countsNulls(call),
      ...(call.state === undefined ? {} : { label: call.state.args.join(", ") }),
    };
    sets.set(key, set);
    if (!set.filters.includes(call.filter)) {
      set.filters.push(call.filter);
      set.filterLabels.push(call.state?.filter ?? String(call.filter));
    }
    if (set.filters.length > MAX_DISTINCT_FILTERS)
      throw codegenErrors.AGGREGATE_UNSUPPORTED({
        function: call.function,
        reason: `more than ${MAX_DISTINCT_FILTERS} filters over one DISTINCT argument`,
      });
  }
  const labels = new Map<string, number>();
  return [...sets.values()].map(({ label, ...set }) => {
    const valueBytes = retract ? set.filters.length * 8 : 8;
    if (label === undefined) return { ...set, valueBytes };
    // Columns that are computed alike have one label: state tells them apart by their order.
    const same = labels.get(label) ?? 0;
    labels.set(label, same + 1);
    return { ...set, valueBytes, label: same === 0 ? label : `${label} #${same + 1}` };
  });
}

function sumForm(call: AggregateCall, arg: LogicalType, result: LogicalType): SumForm {
  if (arg.kind === "FLOAT") return result.kind === "DOUBLE" ? "f64" : "f32";
  if (arg.kind === "DOUBLE") return "f64";
  if (result.kind === "DECIMAL") return "i128";
  if (INTEGERS.has(arg.kind) || arg.kind.startsWith("INTERVAL")) return "i64";
  throw codegenErrors.AGGREGATE_UNSUPPORTED({
    function: call.function,
    reason: `it does not add ${typeToString(arg)}`,
  });
}

function averageForm(call: AggregateCall, arg: LogicalType): SumForm {
  if (arg.kind === "FLOAT" || arg.kind === "DOUBLE") return "f64";
  if (arg.kind === "DECIMAL") return "i128";
  if (INTEGERS.has(arg.kind)) return call.type.kind === "DOUBLE" ? "f64" : "i64";
  throw codegenErrors.AGGREGATE_UNSUPPORTED({
    function: call.function,
    reason: `it does not average ${typeToString(arg)}`,
  });
}

function wide(physical: string): boolean {
  return physical === "i64" || physical === "f64";
}
