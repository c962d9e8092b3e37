/**
 * MIN, MAX, FIRST_VALUE, LAST_VALUE, LISTAGG over rows that are only added, kept in place; and MIN, MAX of rows that may be
 * taken back, kept as a sorted multiset in the log (kernels/aggregate-extremes.as.ts).
 *
 * Order:   as `<` and `>` of SQL: floats by IEEE (a NaN that comes first stays, Flink's generated code does the same), text
 *          by unsigned bytes. With retraction floats are ordered totally, NaN last.
 */
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { loadParts, STORE_OF } from "../batch-columns.ts";
import { pushOrder } from "../codecs/row-comparator.ts";
import type { FunctionBuilder, Local } from "../emitter/function-builder.ts";
import { type Part, partTypes, type Value } from "../value.ts";
import { pushPart } from "../value-code.ts";
import {
  type AggregateCode,
  type AggregateTarget,
  emptyFlag,
  kernel,
  type Presence,
  pushHash,
  resultNull,
  setPresent,
} from "./aggregate-code.ts";
import { pushSortable, setFromSortable } from "./sortable.ts";

export type Choice = "min" | "max" | "first" | "last";

export interface KeptSpec {
  readonly type: LogicalType;
  readonly choice: Choice;
  readonly offset: number;
  readonly presence: Presence;
}

/** Keeps one value of the argument, in its slot or (views) behind a handle. */
export function keptCode(spec: KeptSpec): AggregateCode {
  const { choice, presence } = spec;
  const fold = (target: AggregateTarget, value: Value, keep: () => void) => {
    const { f } = target;
    if (choice === "last") keep();
    else {
      const empty = emptyFlag(target, presence);
      f.get(empty);
      if (choice === "first") f.if(keep);
      else {
        // Take the value when there is none yet, or when it is better than the one kept.
        f.if(
          () => f.i32(1),
          () => pushBetter(target, value, read(target, spec), choice),
          "i32",
        );
        f.if(keep);
      }
    }
    setPresent(target, presence);
  };
  return {
    update: (target, values) => fold(target, values[0]!, () => write(target, spec, values[0]!)),
    result: (target) => ({
      ...read(target, spec),
      isNull: resultNull(target, presence, spec.type),
    }),
    merge: (target, other) => {
      const { f } = target;
      const empty = emptyFlag(other, presence);
      f.get(empty)
        .op("i32.eqz")
        .if(() => {
          const value = read(other, spec);
          fold(target, value, () => writeMerged(target, spec, value));
        });
    },
  };
}

function pushBetter(
  target: AggregateTarget,
  candidate: Value,
  kept: Value,
  choice: "min" | "max",
): void {
  const { f } = target;
  const { physical } = candidate;
  if (physical === "f32" || physical === "f64") {
    pushPart(f, candidate.parts[0]!);
    pushPart(f, kept.parts[0]!).op(`${physical}.${choice === "min" ? "lt" : "gt"}`);
    return;
  }
  pushOrder(f, kernel(target, "compareViews"), candidate, kept);
  f.i32(0).op(choice === "min" ? "i32.lt_s" : "i32.gt_s");
}

/** The slot's value; a view slot without handle reads as the empty view. */
function read(target: AggregateTarget, { type, offset }: KeptSpec): Value {
  const { f, entry } = target;
  const physical = physicalOf(type);
  if (physical === "row") return { type, physical, parts: [], isNull: "never" };
  if (physical === "view") {
    return { type, physical, parts: [readView(target, offset)], isNull: "never" };
  }
  if (partTypes(physical)[0] === "i32") {
    const local = f.local("i32");
    f.get(entry).load("i32.load", offset).set(local);
    return { type, physical, parts: [{ kind: "local", local }], isNull: "never" };
  }
  return { type, physical, parts: loadParts(f, physical, entry, offset), isNull: "never" };
}

export function readView(target: AggregateTarget, offset: number): Part {
  const { f, entry } = target;
  const local = f.local("i64");
  f.get(entry)
    .load("i64.load", offset)
    .op("i64.eqz")
    .if(
      () => f.i64(0),
      () => {
        f.get(target.map);
        pushHash(target);
        f.get(entry).i32(offset).op("i32.add").call(kernel(target, "slotView"));
      },
      "i64",
    );
  f.set(local);
  return { kind: "local", local };
}

function write(target: AggregateTarget, { type, offset }: KeptSpec, value: Value): void {
  const { f, entry } = target;
  const physical = physicalOf(type);
  if (physical === "view") {
    f.get(target.map);
    pushHash(target);
    f.get(entry).i32(offset).op("i32.add");
    pushPart(f, value.parts[0]!).call(kernel(target, "slotSetView"));
    return;
  }
  storeSlot(f, entry, offset, value);
}

/** Into a temporary accumulator: a view slot takes the view itself. */
function writeMerged(target: AggregateTarget, { offset }: KeptSpec, value: Value): void {
  storeSlot(target.f, target.entry, offset, value);
}

export function storeSlot(f: FunctionBuilder, entry: Local, offset: number, value: Value): void {
  const { physical } = value;
  if (physical === "row") return;
  partTypes(physical).forEach((type, part) => {
    f.get(entry);
    pushPart(f, value.parts[part]!);
    f.store(type === "i32" ? "i32.store" : STORE_OF[physical], offset + part * 8);
  });
}

const COMMA = Uint8Array.of(0x2c);

function pushConstantView({ f, module }: AggregateTarget, bytes: Uint8Array): void {
  f.globalGet(module.dataGlobal).i32(module.constant(bytes)).op("i32.add");
  f.op("i64.extend_i32_u")
    .i64(BigInt(bytes.length) << 32n)
    .op("i64.or");
}

export interface ListSpec {
  readonly type: LogicalType;
  readonly offset: number;
  readonly presence: Presence;
  /** View slot that keeps the separator, when it is an argument. */
  readonly separator: number | undefined;
}

/** LISTAGG: values joined by the second argument, or by a comma. */
export function listCode({ type, offset, presence, separator }: ListSpec): AggregateCode {
  const spec: KeptSpec = { type, choice: "last", offset, presence };
  const pushSeparator = (target: AggregateTarget) => {
    if (separator === undefined) pushConstantView(target, COMMA);
    else pushPart(target.f, readView(target, separator));
  };
  return {
    update: (target, values) => {
      const { f, entry } = target;
      if (separator !== undefined) keepSeparator(target, separator, values[1]);
      f.get(target.map);
      pushHash(target);
      f.get(entry).i32(offset).op("i32.add");
      if (values[1] === undefined) pushConstantView(target, COMMA);
      else pushPart(f, values[1].parts[0]!);
      pushPart(f, values[0]!.parts[0]!).call(kernel(target, "slotAppendView"));
      setPresent(target, presence);
    },
    result: (target) => ({
      ...read(target, spec),
      isNull: resultNull(target, presence, spec.type),
    }),
    merge: (target, other) => {
      const { f, entry } = target;
      f.get(emptyFlag(other, presence)).op("i32.eqz");
      f.if(() => {
        const added = readView(other, offset);
        const view = f.local("i64");
        f.get(emptyFlag(target, presence)).if(
          () => pushPart(f, added),
          () => {
            pushPart(f, readView(target, offset));
            pushSeparator(other);
            pushPart(f, added).call(kernel(target, "viewsJoin"));
          },
          "i64",
        );
        f.set(view).get(entry).get(view).store("i64.store", offset);
        setPresent(target, presence);
      });
    },
  };
}

/** Code: keeps the separator of the first row. */
export function keepSeparator(
  target: AggregateTarget,
  separator: number,
  value: Value | undefined,
): void {
  const { f, entry } = target;
  f.get(entry).load("i64.load", separator).op("i64.eqz");
  f.if(() => {
    f.get(target.map);
    pushHash(target);
    f.get(entry).i32(separator).op("i32.add");
    if (value === undefined) pushConstantView(target, COMMA);
    else pushPart(f, value.parts[0]!);
    f.call(kernel(target, "slotSetView"));
  });
}

export interface MultisetSpec {
  readonly type: LogicalType;
  readonly greatest: boolean;
  readonly offset: number;
}

/** MIN and MAX with retraction. */
export function multisetCode({ type, greatest, offset }: MultisetSpec): AggregateCode {
  const physical = physicalOf(type);
  const pushSlot = (target: AggregateTarget) => {
    target.f.get(target.map);
    pushHash(target);
    target.f.get(target.entry).i32(offset).op("i32.add");
  };
  const add = (target: AggregateTarget, value: Value, pushDelta: () => void) => {
    const { f } = target;
    pushSlot(target);
    if (physical === "view") pushPart(f, value.parts[0]!);
    else pushSortable(f, value);
    pushDelta();
    f.call(kernel(target, physical === "view" ? "extremeAddView" : "extremeAdd"));
  };
  return {
    update: (target, values, direction) => {
      const { f } = target;
      add(target, values[0]!, () => {
        if (direction === "add") f.i64(1);
        else f.i64(1).i64(-1).get(direction).op("select");
      });
    },
    change: (target, values, delta) => add(target, values[0]!, () => target.f.get(delta)),
    result: (target) => {
      const { f, module } = target;
      pushSlot(target);
      f.i32(greatest ? 1 : 0);
      const parts: Part[] = partTypes(physical).map((word) => ({
        kind: "local",
        local: f.local(word),
      }));
      const status = module.statusGlobal;
      if (physical === "view") {
        f.call(kernel(target, "extremeGetView")).set((parts[0] as { local: Local }).local);
      } else {
        f.call(kernel(target, "extremeGet"));
        setFromSortable(f, physical, parts, (at) => f.globalGet(status).load("i64.load", 32 + at));
      }
      const isNull = f.local("i32");
      f.globalGet(status).load("i32.load", 12).set(isNull);
      f.globalGet(status).i32(0).store("i32.store", 12);
      return { type, physical, parts, isNull };
    },
  };
}
