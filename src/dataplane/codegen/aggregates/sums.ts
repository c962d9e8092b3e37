/**
 * COUNT, SUM, SUM0, AVG.
 *
 * Sums:    integers in 64 bits, narrowed when read (wrapping is the same either way); FLOAT in FLOAT, DOUBLE in DOUBLE;
 *          DECIMAL in 128 bits; beyond the result's precision it is NULL, and the next value starts a new sum.
 * AVG:     integers: 64-bit sum / count, cut toward zero, then the result's type; FLOAT and DOUBLE through DOUBLE;
 *          DECIMAL by exact division, HALF_UP. Source: Flink AvgAggFunction, Sum0AggFunction, SumWithRetractAggFunction.
 */
import type { LogicalType, Physical } from "../../../foundation/columnar/logical-type.ts";
import { physicalOf } from "../../../foundation/columnar/logical-type.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { pushExceeds, pushWideSum } from "../expressions/decimal.ts";
import type { NullFlag, Part, Value } from "../value.ts";
import type { Flag } from "./accumulator-layout.ts";
import { pushPart } from "../value-code.ts";
import {
  type AggregateCode,
  type AggregateTarget,
  type Direction,
  emptyFlag,
  kernel,
  type Presence,
  resultNull,
  setPresent,
} from "./aggregate-code.ts";

export type SumForm = "i64" | "f32" | "f64" | "i128";

export const SUM_WIDTH: Readonly<Record<SumForm, 4 | 8 | 16>> = {
  i64: 8,
  f32: 4,
  f64: 8,
  i128: 16,
};
const NULL_WORD = 12;
const RESULT = 32;

/** COUNT: what is counted is a shared counter, or `rows`. */
export function countCode(type: LogicalType, offset: number): AggregateCode {
  return {
    update: () => undefined,
    result: ({ f, entry }) => {
      const local = f.local("i64");
      f.get(entry).load("i64.load", offset).set(local);
      return single(type, local, "never");
    },
    merge: () => undefined,
  };
}

export interface SumSpec {
  readonly type: LogicalType;
  readonly form: SumForm;
  readonly offset: number;
  readonly presence: Presence;
  /** SUM0: 0 without values. */
  readonly zero: boolean;
  /** Of DECIMAL: set while the sum is beyond the precision; the next value starts anew. */
  readonly beyond: LateFlag | undefined;
}

/** A flag that is given out when all calls are known. */
export interface LateFlag {
  readonly name: string;
  flag: Flag | undefined;
}

export function sumCode({ type, form, offset, presence, zero, beyond }: SumSpec): AggregateCode {
  const mark = (): Presence | undefined => {
    const flag = beyond?.flag;
    return flag && { kind: "flag", flag };
  };
  return {
    update: (target, values, direction) => {
      addTo(target, form, offset, values[0]!, direction);
      const overflow = mark();
      if (overflow !== undefined) restart(target, type, offset, overflow);
      setPresent(target, presence);
    },
    result: (target) => {
      const absent = zero ? "never" : resultNull(target, presence, type);
      const overflow = mark();
      if (overflow === undefined) return readSum(target, type, form, offset, absent);
      const { f } = target;
      const isNull = emptyFlag(target, overflow);
      f.get(isNull).op("i32.eqz");
      if (typeof absent === "number") f.get(absent).op("i32.or");
      f.set(isNull);
      return readSum(target, type, form, offset, isNull);
    },
    merge: (target, other) => {
      const { f } = target;
      const overflow = mark();
      const stays = overflow && staysBeyond(target, other, presence, overflow);
      addTo(target, form, offset, loadSum(other, form, offset, type), "add");
      if (overflow !== undefined && stays !== undefined) {
        restart(target, type, offset, overflow);
        f.get(stays).if(() => setPresent(target, overflow));
      }
      if (presence.kind !== "flag") return;
      const { offset: word, mask } = presence.flag;
      f.get(target.entry).get(target.entry).load("i32.load", word);
      f.get(other.entry).load("i32.load", word).i32(mask).op("i32.and").op("i32.or");
      f.store("i32.store", word);
    },
  };
}

/** Code: whether a sum without a value takes over that the one to be merged was beyond the precision. */
function staysBeyond(
  target: AggregateTarget,
  other: AggregateTarget,
  presence: Presence,
  mark: Presence,
): Local {
  const { f } = target;
  const stays = f.local("i32");
  f.get(emptyFlag(target, mark)).op("i32.eqz");
  f.get(emptyFlag(target, presence)).op("i32.or");
  f.get(emptyFlag(other, mark)).op("i32.eqz").op("i32.and").set(stays);
  return stays;
}

/** Code: a sum beyond the precision becomes 0 and is marked; any other loses the mark. */
function restart(target: AggregateTarget, type: LogicalType, offset: number, mark: Presence): void {
  const { f, entry } = target;
  const sum = loadSum(target, "i128", offset, type);
  const [lo, hi] = sum.parts.map((part) => (part as { local: Local }).local) as [Local, Local];
  const exceeds = f.local("i32");
  pushExceeds({ f }, lo, hi, type.kind === "DECIMAL" ? type.precision : 0);
  f.set(exceeds);
  f.get(exceeds).if(() => {
    for (const at of [offset, offset + 8]) f.get(entry).i64(0).store("i64.store", at);
  });
  setPresent(target, mark, () => f.get(exceeds));
}

export interface AverageSpec {
  readonly type: LogicalType;
  readonly form: SumForm;
  readonly offset: number;
  readonly countOffset: number;
  /** Scale of the argument, for DECIMAL. */
  readonly scale: number;
}

export function averageCode({
  type,
  form,
  offset,
  countOffset,
  scale,
}: AverageSpec): AggregateCode {
  return {
    update: (target, values, direction) => addTo(target, form, offset, values[0]!, direction),
    result: (target) => {
      const { f, entry } = target;
      const count = f.local("i64");
      const isNull = f.local("i32");
      f.get(entry).load("i64.load", countOffset).tee(count).op("i64.eqz").set(isNull);
      if (type.kind === "DECIMAL")
        return decimalAverage(target, type, form, offset, scale, count, isNull);
      const sum = loadSum(target, form, offset, type).parts[0]!;
      // Never 0, so that a fresh accumulator does not trap.
      f.get(count).get(isNull).op("i64.extend_i32_u").op("i64.or").set(count);
      pushPart(f, sum);
      f.get(count);
      if (form === "i64") f.op("i64.div_s");
      else f.op("f64.convert_i64_s").op("f64.div");
      const result = f.local(type.kind === "FLOAT" ? "f32" : form === "f64" ? "f64" : wordOf(type));
      if (type.kind === "FLOAT") f.op("f32.demote_f64");
      else if (form === "i64") narrowTo(f, type);
      f.set(result);
      return single(type, result, isNull);
    },
    merge: (target, other) => {
      addTo(target, form, offset, loadSum(other, form, offset, type), "add");
    },
  };
}

function decimalAverage(
  target: AggregateTarget,
  type: LogicalType & { kind: "DECIMAL" },
  form: SumForm,
  offset: number,
  scale: number,
  count: Local,
  isNull: Local,
): Value {
  const { f, module } = target;
  const sum = loadSum(target, form, offset, type);
  const wide = physicalOf(type) === "i128";
  const [lo, hi] = [f.local("i64"), f.local("i64")];
  f.get(isNull)
    .op("i32.eqz")
    .if(() => {
      pushPart(f, sum.parts[0]!);
      if (sum.parts.length === 2) pushPart(f, sum.parts[1]!);
      else pushPart(f, sum.parts[0]!).i64(63).op("i64.shr_s");
      f.get(count).get(count).i64(63).op("i64.shr_s");
      f.i32(type.scale - scale)
        .i32(type.precision)
        .call(kernel(target, "decimalDivide"));
      const status = module.statusGlobal;
      f.globalGet(status).load("i32.load", NULL_WORD).set(isNull);
      f.globalGet(status).i32(0).store("i32.store", NULL_WORD);
      f.globalGet(status).load("i64.load", RESULT).set(lo);
      f.globalGet(status)
        .load("i64.load", RESULT + 8)
        .set(hi);
    });
  const parts: Part[] = [{ kind: "local", local: lo }];
  if (wide) parts.push({ kind: "local", local: hi });
  return { type, physical: wide ? "i128" : "i64", parts, isNull };
}

/** sum ± value, in place. */
function addTo(
  { f, entry }: AggregateTarget,
  form: SumForm,
  offset: number,
  value: Value,
  direction: Direction,
): void {
  if (form === "i128") {
    addWide(f, entry, offset, value, direction);
    return;
  }
  const operand = f.local(form);
  pushPart(f, value.parts[0]!);
  convert(f, value.physical, form);
  f.set(operand);
  f.get(entry);
  f.get(entry).load(`${form}.load`, offset).get(operand);
  if (direction !== "add") {
    negated(f, form, operand);
    f.get(direction).op("select");
  }
  f.op(`${form}.add`).store(`${form}.store`, offset);
}

function negated(f: FunctionBuilder, form: "i64" | "f32" | "f64", operand: Local): void {
  if (form === "i64") f.i64(0).get(operand).op("i64.sub");
  else f.get(operand).op(`${form}.neg`);
}

function addWide(
  f: FunctionBuilder,
  entry: Local,
  offset: number,
  value: Value,
  direction: Direction,
): void {
  const [aLo, aHi, bLo, bHi] = [f.local("i64"), f.local("i64"), f.local("i64"), f.local("i64")];
  f.get(entry).load("i64.load", offset).set(aLo);
  f.get(entry)
    .load("i64.load", offset + 8)
    .set(aHi);
  pushPart(f, value.parts[0]!);
  if (value.physical !== "i64" && value.physical !== "i128") f.op("i64.extend_i32_s");
  f.set(bLo);
  if (value.parts.length === 2) pushPart(f, value.parts[1]!);
  else f.get(bLo).i64(63).op("i64.shr_s");
  f.set(bHi);
  const store = (operation: "add" | "sub") => {
    const [lo, hi] = [f.local("i64"), f.local("i64")];
    pushWideSum({ f }, aLo, aHi, bLo, bHi, operation);
    f.set(hi).set(lo);
    f.get(entry).get(lo).store("i64.store", offset);
    f.get(entry)
      .get(hi)
      .store("i64.store", offset + 8);
  };
  if (direction === "add") store("add");
  else
    f.get(direction).if(
      () => store("add"),
      () => store("sub"),
    );
}

/** The value on the stack in the form that is summed. */
function convert(f: FunctionBuilder, from: Physical, form: SumForm): void {
  if (form === "f64" && from === "f32") f.op("f64.promote_f32");
  else if (form === "f64" && from === "i64") f.op("f64.convert_i64_s");
  else if (form === "f64" && from !== "f64") f.op("f64.convert_i32_s");
  else if (form === "i64" && from !== "i64") f.op("i64.extend_i32_s");
}

function loadSum(
  { f, entry }: AggregateTarget,
  form: SumForm,
  offset: number,
  type: LogicalType,
): Value {
  const part = (word: "i64" | "f32" | "f64", at: number): Part => {
    const local = f.local(word);
    f.get(entry).load(`${word}.load`, at).set(local);
    return { kind: "local", local };
  };
  const parts =
    form === "i128" ? [part("i64", offset), part("i64", offset + 8)] : [part(form, offset)];
  return { type, physical: form, parts, isNull: "never" };
}

/** The sum as a value of the result's type. */
function readSum(
  target: AggregateTarget,
  type: LogicalType,
  form: SumForm,
  offset: number,
  isNull: NullFlag,
): Value {
  const { f } = target;
  const sum = loadSum(target, form, offset, type);
  const physical = physicalOf(type);
  if (form === "i128" && type.kind === "DECIMAL") {
    const [lo, hi] = sum.parts.map((part) => (part as { local: Local }).local) as [Local, Local];
    const beyond = f.local("i32");
    pushExceeds({ f }, lo, hi, type.precision);
    if (typeof isNull === "number") f.get(isNull).op("i32.or");
    f.set(beyond);
    const parts = physical === "i128" ? sum.parts : sum.parts.slice(0, 1);
    return { type, physical, parts, isNull: beyond };
  }
  if (form !== "i64") return { ...sum, physical, isNull };
  const result = f.local(wordOf(type));
  pushPart(f, sum.parts[0]!);
  narrowTo(f, type);
  f.set(result);
  return single(type, result, isNull);
}

function wordOf(type: LogicalType): "i32" | "i64" {
  return physicalOf(type) === "i64" ? "i64" : "i32";
}

/** The i64 on the stack as the integer type's word, wrapped. */
function narrowTo(f: FunctionBuilder, type: LogicalType): void {
  if (physicalOf(type) === "i64") return;
  f.op("i32.wrap_i64");
  if (type.kind === "TINYINT") f.op("i32.extend8_s");
  else if (type.kind === "SMALLINT") f.op("i32.extend16_s");
}

function single(type: LogicalType, local: Local, isNull: NullFlag): Value {
  return { type, physical: physicalOf(type), parts: [{ kind: "local", local }], isNull };
}
