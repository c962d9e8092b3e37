/**
 * Aggregate functions of the user: the accumulator lies in the log as bytes of its declared type, behind a handle, and goes
 * to TypeScript for each row, for each merge and for each result.
 *
 * Flow:    generated code passes the accumulator's view and the arguments' parts to "h" → decoded, folded, encoded into the
 *          arena → slotSetView, as the bitmaps of collections.ts.
 * Bytes:   an ARRAY of the declared type with the accumulator as its only element; view 0 = create().
 * Errors:  AGGREGATE_UNSUPPORTED without retract() where rows are taken back, without merge() where accumulators are merged;
 *          EXPRESSION_FAILED for what the user's code throws.
 * Limits:  a call per row; the accumulator is decoded and encoded there.
 */
import {
  decodeNested,
  elementBytes,
  encodeNested,
  type NestedType,
} from "../../../foundation/columnar/binary-value.ts";
import {
  type LogicalType,
  physicalOf,
  typeToString,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Value as ColumnValue } from "../../../foundation/columnar/value-reader.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import { parseReference } from "../../../foundation/plan/user-function.ts";
import type { CompileOptions } from "../calc.ts";
import { codegenErrors } from "../errors.ts";
import { guarded, openedFunction, userValue } from "../functions/user-functions.ts";
import { partTypes } from "../value.ts";
import { pushNullFlag, pushPart } from "../value-code.ts";
import { type AggregateCode, type AggregateTarget, kernel, pushHash } from "./aggregate-code.ts";
import { readView } from "./extremes.ts";
import type { Views } from "./host-functions.ts";
import { valueOfBytes } from "./ordered.ts";

type HostFunction = (...args: never[]) => bigint;

export function isUserAggregate({ function: name }: AggregateCall): boolean {
  return parseReference(name) !== undefined;
}

/** By what its state is of, as AggregatePlan names calls: the same on both sides. */
const importName = ({ name, state }: AggregateCall, what: string) =>
  `${what} ${state?.name ?? name}`;

/** `offset`: the handle of the accumulator. */
export function userAggregateCode(call: AggregateCall, offset: number): AggregateCode {
  const { type } = call;
  const name = (what: string) => importName(call, what);
  return {
    update: (target, values, direction) => {
      const { f, module } = target;
      for (const value of values) refuseRow(value.type, call);
      const view = f.local("i64");
      pushPart(f, readView(target, offset));
      if (direction === "add") f.i32(1);
      else f.get(direction);
      for (const value of values) {
        pushNullFlag(f, value.isNull);
        for (const part of value.parts) pushPart(f, part);
      }
      const params = values.flatMap(({ physical }) => ["i32" as const, ...partTypes(physical)]);
      const signature = { params: ["i64", "i32", ...params] as const, results: ["i64"] as const };
      f.call(module.importFunction("h", name("accumulate"), signature)).set(view);
      f.get(target.map);
      pushHash(target);
      f.get(target.entry).i32(offset).op("i32.add").get(view).call(kernel(target, "slotSetView"));
    },
    result: (target) => {
      refuseRow(type, call);
      const { f, module } = target;
      const [view, isNull] = [f.local("i64"), f.local("i32")];
      pushPart(f, readView(target, offset));
      const signature = { params: ["i64"] as const, results: ["i64"] as const };
      f.call(module.importFunction("h", name("value"), signature)).set(view);
      f.get(view).op("i64.eqz").set(isNull);
      return valueOfBytes(target, type, view, isNull);
    },
    merge: (target, other) => mergeCode(target, other, name("merge"), offset),
  };
}

function mergeCode(
  target: AggregateTarget,
  other: AggregateTarget,
  name: string,
  offset: number,
): void {
  const { f, entry, module } = target;
  const view = f.local("i64");
  pushPart(f, readView(target, offset));
  pushPart(f, readView(other, offset));
  const signature = { params: ["i64", "i64"] as const, results: ["i64"] as const };
  f.call(module.importFunction("h", name, signature)).set(view);
  f.get(entry).get(view).store("i64.store", offset);
}

function refuseRow(type: LogicalType, call: AggregateCall): void {
  if (physicalOf(type) !== "row") return;
  const where = parseReference(call.function)?.name ?? call.function;
  throw codegenErrors.TYPE_UNSUPPORTED({ type: typeToString(type), where });
}

export interface UserAggregateSpec {
  readonly input: Schema;
  readonly aggregates: readonly AggregateCall[];
  readonly retract: boolean;
}

/** What the generated module imports for the calls of functions of the user. */
export function userAggregateHost(
  { input, aggregates, retract }: UserAggregateSpec,
  views: Views,
  options: CompileOptions,
): Readonly<Record<string, HostFunction>> {
  const host: Record<string, HostFunction> = {};
  for (const call of aggregates) {
    if (!isUserAggregate(call)) continue;
    const types = call.args.map((field) => input.fields[field]!.type);
    Object.assign(host, hostOf(call, types, retract, views, options));
  }
  return host;
}

function hostOf(
  call: AggregateCall,
  types: readonly LogicalType[],
  retract: boolean,
  views: Views,
  { environment }: CompileOptions,
): Readonly<Record<string, HostFunction>> {
  const { name, function: own } = openedFunction(call.function, "aggregate", environment);
  const unsupported = (reason: string) =>
    codegenErrors.AGGREGATE_UNSUPPORTED({ function: name, reason });
  const element = parseReference(call.function)?.accumulator;
  if (element === undefined) throw unsupported("its accumulator has no type");
  if (retract && own.retract === undefined)
    throw unsupported("its input takes rows back, and it has no retract()");
  const state: NestedType = { kind: "ARRAY", element, nullable: false };
  const read = (view: bigint): unknown =>
    view === 0n ? own.create() : decodeNested(views.bytes(view), state)[0];
  const write = (accumulator: unknown) =>
    views.write(encodeNested([userValue(accumulator, element)], state));
  return {
    [importName(call, "accumulate")]: (view: bigint, add: number, ...parts: RawPart[]) =>
      guarded(name, () => {
        const args = valuesOf(parts, types, views);
        const before = read(view);
        const after = add === 0 ? own.retract?.(before, ...args) : own.accumulate(before, ...args);
        return write(after === undefined ? before : after);
      }),
    [importName(call, "merge")]: (view: bigint, from: bigint) => {
      if (own.merge === undefined)
        throw unsupported("accumulators are merged here, and it has no merge()");
      if (from === 0n) return view;
      return guarded(name, () => {
        const into = read(view);
        const merged = own.merge?.(into, read(from));
        return write(merged === undefined ? into : merged);
      });
    },
    [importName(call, "value")]: (view: bigint) =>
      guarded(name, () => {
        const value = userValue(own.value(read(view)), call.type);
        return value === null ? 0n : views.write(elementBytes(value, call.type));
      }),
  };
}

type RawPart = number | bigint;

/** Of each argument: 1 when it is NULL, and its parts. */
function valuesOf(
  parts: readonly RawPart[],
  types: readonly LogicalType[],
  views: Views,
): ColumnValue[] {
  let at = 0;
  return types.map((type) => {
    const isNull = parts[at++] !== 0;
    const first = parts[at];
    const second = parts[at + 1];
    at += partTypes(physicalOf(type)).length;
    return isNull ? null : partsValue(type, first!, second, views);
  });
}

function partsValue(
  type: LogicalType,
  first: RawPart,
  second: RawPart | undefined,
  views: Views,
): ColumnValue {
  const physical = physicalOf(type);
  if (physical === "view") return viewValue(type, views.bytes(first as bigint));
  switch (type.kind) {
    case "BOOLEAN":
      return first !== 0;
    case "DECIMAL": {
      const low = first as bigint;
      const unscaled =
        physical === "i64" ? low : BigInt.asUintN(64, low) | ((second as bigint) << 64n);
      return { unscaled, scale: type.scale };
    }
    case "TIMESTAMP":
    case "TIMESTAMP_LTZ":
      return { millis: Number(first), nanos: physical === "ts128" ? Number(second) : 0 };
    default:
      return first;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function viewValue(type: LogicalType, bytes: Uint8Array): ColumnValue {
  if (type.kind === "CHAR" || type.kind === "VARCHAR") return decoder.decode(bytes);
  if (type.kind === "ARRAY" || type.kind === "MAP" || type.kind === "MULTISET")
    return decodeNested(bytes, type);
  return bytes.slice();
}
