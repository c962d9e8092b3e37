/**
 * RowLayout: one row of some physical columns as bytes, for keys and for rows in state. Equal rows are equal bytes.
 *
 *     key form:  [null word u64, only if a column is nullable] [slots of 8 or 16 bytes, in column order] [bytes]
 *     row form:  [slots of their natural width, widest first] [null bits, one per nullable column] [bytes]
 *
 * Slot:    the value, little-endian; a view is u32 offset from the row's start | u32 length << 32, its bytes follow behind
 *          the fixed part in column order. NULL: its bit is 1, its slot 0. ROW columns have a bit only.
 * Key:     integers are sign-extended to 8 bytes, -0.0 stays apart from 0.0, every NaN is the one of Java.
 * Single:  a key of one NOT NULL view is that view itself (fixedBytes 0).
 */
import { PHYSICAL_WIDTH, type Physical } from "../../../foundation/columnar/logical-type.ts";
import type { PhysicalColumn } from "../../../foundation/columnar/schema.ts";
import { type ColumnSource, LOAD_OF, STORE_OF } from "../batch-columns.ts";
import type { FunctionBuilder, FunctionRef, Local } from "../emitter/function-builder.ts";
import { type NullFlag, type Part, partTypes, type Value } from "../value.ts";
import { pushNullFlag, pushPart } from "../value-code.ts";

export interface Slot {
  readonly column: PhysicalColumn;
  /** -1 for ROW columns, which have no value. */
  readonly offset: number;
  /** -1 for columns that are never NULL. */
  readonly nullBit: number;
}

export class RowLayout {
  readonly form: "key" | "row";
  readonly slots: readonly Slot[];
  readonly nullOffset: number;
  readonly nullBytes: number;
  /** Bytes before those of views; 0 for a key that is one NOT NULL view. */
  readonly fixedBytes: number;
  /** Indexes of view columns. */
  readonly views: readonly number[];
  readonly isSingleView: boolean;

  constructor(columns: readonly PhysicalColumn[], form: "key" | "row") {
    this.form = form;
    this.views = columns.flatMap(({ physical }, index) => (physical === "view" ? [index] : []));
    const nullable = columns.filter((column) => column.nullable).length;
    this.isSingleView =
      form === "key" && columns.length === 1 && this.views.length === 1 && nullable === 0;
    const width = (physical: Physical) =>
      form === "row" || physical === "row"
        ? PHYSICAL_WIDTH[physical]
        : Math.max(8, PHYSICAL_WIDTH[physical]);
    this.nullBytes =
      form === "row" ? Math.ceil(nullable / 8) : nullable > 0 ? Math.ceil(nullable / 64) * 8 : 0;
    let next = form === "key" ? this.nullBytes : 0;
    const order = columns.map((_, index) => index);
    if (form === "row")
      order.sort((a, b) => width(columns[b]!.physical) - width(columns[a]!.physical) || a - b);
    const offsets: number[] = [];
    for (const index of order) {
      const bytes = width(columns[index]!.physical);
      offsets[index] = bytes === 0 ? -1 : next;
      next += bytes;
    }
    this.nullOffset = form === "key" ? 0 : next;
    this.fixedBytes = this.isSingleView ? 0 : form === "key" ? next : next + this.nullBytes;
    let bit = 0;
    this.slots = columns.map((column, index) => ({
      column,
      offset: offsets[index]!,
      nullBit: column.nullable ? bit++ : -1,
    }));
  }

  /** Code: an i32 local with the row's size, from the values. */
  size(f: FunctionBuilder, values: readonly Value[]): Local {
    const size = f.local("i32");
    f.i32(this.fixedBytes).set(size);
    for (const index of this.views) {
      const { parts, isNull } = values[index]!;
      if (isNull === "always") continue;
      f.get(size);
      pushPart(f, parts[0]!).i64(32).op("i64.shr_u").op("i32.wrap_i64");
      if (isNull !== "never") {
        f.i32(0);
        pushNullFlag(f, isNull).op("i32.eqz").op("select");
      }
      f.op("i32.add").set(size);
    }
    return size;
  }

  /**
   * Code: writes the row at the address in `to`. ROW columns pass a value with only its NULL flag. `copyBytes`: the
   * kernel, for the bytes of views.
   */
  store(
    f: FunctionBuilder,
    { to, values, copyBytes }: { to: Local; values: readonly Value[]; copyBytes: FunctionRef },
  ): void {
    this.#storeNullBits(f, to, values);
    const end = this.views.length > 0 ? f.local("i32") : -1;
    if (end >= 0) f.i32(this.fixedBytes).set(end);
    this.slots.forEach((slot, index) => {
      const value = values[index]!;
      if (slot.offset < 0) return;
      if (slot.column.physical === "view") {
        this.#storeView(f, { to, slot, value, end, copyBytes });
        return;
      }
      partTypes(slot.column.physical).forEach((type, part) => {
        f.get(to);
        this.#pushSlot(f, slot, value, part);
        if (value.isNull !== "never") {
          pushZero(f, type, this.form, slot.column.physical);
          pushNullFlag(f, value.isNull).op("i32.eqz").op("select");
        }
        f.store(storeOp(this.form, slot.column.physical), slot.offset + part * 8);
      });
    });
  }

  /** Code: column `index` of the row at the address in `from`, in fresh locals. */
  load(f: FunctionBuilder, from: Local, index: number): Value {
    const slot = this.slots[index]!;
    const { type, physical } = slot.column;
    const isNull = this.loadNull(f, from, index);
    if (physical === "row") return { type, physical, parts: [], isNull };
    const parts = partTypes(physical).map((wasm, part): Part => {
      const local = f.local(wasm);
      f.get(from).load(loadOp(this.form, physical), slot.offset + part * 8);
      if (physical === "view") f.get(from).op("i64.extend_i32_u").op("i64.add");
      f.set(local);
      return { kind: "local", local };
    });
    return { type, physical, parts, isNull };
  }

  loadNull(f: FunctionBuilder, from: Local, index: number): NullFlag {
    const { column, nullBit } = this.slots[index]!;
    if (column.type.kind === "NULL") return "always";
    if (nullBit < 0) return "never";
    const local = f.local("i32");
    f.get(from).load("i32.load8_u", this.nullOffset + (nullBit >> 3));
    if ((nullBit & 7) > 0) f.i32(nullBit & 7).op("i32.shr_u");
    f.i32(1).op("i32.and").set(local);
    return local;
  }

  #storeNullBits(f: FunctionBuilder, to: Local, values: readonly Value[]): void {
    for (let byte = 0; byte < this.nullBytes; byte++) {
      f.get(to).i32(0);
      this.slots.forEach(({ nullBit }, index) => {
        if (nullBit >> 3 !== byte || nullBit < 0) return;
        pushNullFlag(f, values[index]!.isNull);
        if ((nullBit & 7) > 0) f.i32(nullBit & 7).op("i32.shl");
        f.op("i32.or");
      });
      f.store("i32.store8", this.nullOffset + byte);
    }
  }

  #storeView(
    f: FunctionBuilder,
    {
      to,
      slot,
      value,
      end,
      copyBytes,
    }: { to: Local; slot: Slot; value: Value; end: Local; copyBytes: FunctionRef },
  ): void {
    const zeroSlot = () => f.get(to).i64(0).store("i64.store", slot.offset);
    if (value.isNull === "always") {
      zeroSlot();
      return;
    }
    const copy = () => {
      const length = f.local("i32");
      pushPart(f, value.parts[0]!).i64(32).op("i64.shr_u").op("i32.wrap_i64").set(length);
      f.get(to).get(end).store("i32.store", slot.offset);
      f.get(to)
        .get(length)
        .store("i32.store", slot.offset + 4);
      f.get(to).get(end).op("i32.add");
      pushPart(f, value.parts[0]!).op("i32.wrap_i64");
      f.get(length).call(copyBytes);
      f.get(end).get(length).op("i32.add").set(end);
      f.release(length);
    };
    if (value.isNull === "never") {
      copy();
      return;
    }
    pushNullFlag(f, value.isNull).if(zeroSlot, copy);
  }

  #pushSlot(f: FunctionBuilder, slot: Slot, value: Value, part: number): void {
    pushPart(f, value.parts[part]!);
    if (this.form === "row") return;
    switch (slot.column.physical) {
      case "bool":
      case "i8":
      case "i16":
      case "i32":
        f.op("i64.extend_i32_s");
        break;
      case "f32":
        normalise(f, "f32");
        f.op("i32.reinterpret_f32").op("i64.extend_i32_u");
        break;
      case "f64":
        normalise(f, "f64");
        f.op("i64.reinterpret_f64");
        break;
    }
  }
}

/** The float on the stack, with one NaN; -0.0 is a key of its own, as in Flink's binary rows. */
function normalise(f: FunctionBuilder, type: "f32" | "f64"): void {
  const value = f.local(type);
  f.set(value);
  f.get(value);
  if (type === "f32") f.f32(Number.NaN);
  else f.f64(Number.NaN);
  f.get(value).get(value).op(`${type}.eq`).op("select");
  f.release(value);
}

function pushZero(
  f: FunctionBuilder,
  type: "i32" | "i64" | "f32" | "f64" | "v128",
  form: "key" | "row",
  physical: Physical,
): void {
  const stored = form === "row" ? type : storeOp(form, physical).slice(0, 3);
  if (stored === "i32") f.i32(0);
  else if (stored === "i64") f.i64(0);
  else if (stored === "f32") f.f32(0);
  else f.f64(0);
}

function storeOp(form: "key" | "row", physical: Physical) {
  return form === "row" && physical !== "row" ? STORE_OF[physical] : "i64.store";
}

function loadOp(form: "key" | "row", physical: Exclude<Physical, "row">) {
  if (form === "row" || physical === "f32" || physical === "f64") return LOAD_OF[physical];
  return partTypes(physical)[0] === "i32" ? "i32.load" : "i64.load";
}

/** Reads columns of an encoded row whose address is in a local. */
export class EncodedColumns implements ColumnSource {
  readonly #f: FunctionBuilder;
  readonly #layout: RowLayout;
  readonly #address: Local;
  readonly #single: Local | undefined;

  /** `single`: for the key that is one view, the i64 local with that view. */
  constructor(f: FunctionBuilder, layout: RowLayout, address: Local, single?: Local) {
    this.#f = f;
    this.#layout = layout;
    this.#address = address;
    this.#single = single;
  }

  load(index: number): Value {
    if (this.#single !== undefined) {
      const { type, physical } = this.#layout.slots[index]!.column;
      return { type, physical, parts: [{ kind: "local", local: this.#single }], isNull: "never" };
    }
    return this.#layout.load(this.#f, this.#address, index);
  }

  loadNull(index: number): NullFlag {
    if (this.#single !== undefined) return "never";
    return this.#layout.loadNull(this.#f, this.#address, index);
  }
}
