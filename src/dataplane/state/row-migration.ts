/**
 * Row migration: rows that a map keeps as bytes, in the form that another plan of the query wants.
 *
 * Flow:    map-migration.ts → planRows (pure; also asked offline) → RowMover: the rows of one entry after another.
 * Does:    a column that may be NULL comes (NULL in rows from before) or goes; integers, FLOAT, DECIMAL of one scale and
 *          texts widen; a column begins to be nullable; the order of columns changes; all of it at once.
 * Does not: other types, columns that may no longer be NULL, and changes of columns whose encoding lies beside the rows (sort
 *          keys of Top-N, unique keys): their bytes have an order and a width of their own.
 * Which:   a field is the same by lineage, else by name: then rows from before keep it as it was computed then.
 * Layout:  row-set.as.ts, rank.as.ts, row-layout.ts in the row form.
 */
import type { StateRowField, StateRows, StateRowSlot } from "../contract/keyed-state.ts";
import type { WorkerRuntime } from "../contract/operator.ts";

const INTEGERS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT"];
const BLOCK_HEADER = 16;
const SHORT_HEADER = 8;
/** In the word before a block's length: a short header. What is moved gets a long one. */
const SHORT = 0x20000000;
const BLOCK_IDENTITY = 12;
const WRITTEN = 0x80000000;
const WRITTEN_BYTES = 8;
const SET_ROWS = 8;
const SET_INDEX = 12;

interface SlotMove {
  readonly from: StateRowSlot;
  readonly to: StateRowSlot;
  readonly real: boolean;
}

/** What becomes of one kind of rows of a map. */
export interface RowsPlan {
  readonly saved: StateRows;
  readonly wanted: StateRows;
  readonly moves: readonly SlotMove[];
  /** Slots that are NULL in rows from before. */
  readonly absent: readonly StateRowSlot[];
  readonly isSame: boolean;
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  readonly converted: readonly string[];
  /** Names of fields that were computed otherwise. */
  readonly recomputed: readonly string[];
}

/** A text says why not. */
export function planRows(saved: StateRows, wanted: StateRows): RowsPlan | string {
  if (saved.kind !== wanted.kind || saved.offset !== wanted.offset)
    return "the rows it keeps have another form";
  const taken = matchFields(saved.fields, wanted.fields);
  const moves: SlotMove[] = [];
  const absent: StateRowSlot[] = [];
  const added: string[] = [];
  const converted: string[] = [];
  const recomputed: string[] = [];
  for (const [i, field] of wanted.fields.entries()) {
    const before = taken[i];
    if (before === undefined) {
      if (!field.type.nullable)
        return `the rows it keeps have no column '${field.name}', which is not nullable`;
      absent.push(...field.slots);
      added.push(field.name);
      continue;
    }
    const change = typeChange(before, field);
    if (change === "differs")
      return `the rows it keeps have '${before.name}' with a type that does not become that of '${field.name}'`;
    if (change === "converted") converted.push(field.name);
    if (before.lineage !== field.lineage && before.lineage !== undefined)
      recomputed.push(field.name);
    for (const [k, to] of field.slots.entries())
      moves.push({ from: before.slots[k]!, to, real: field.type.kind === "DOUBLE" });
  }
  const beside = identityDifference(saved, wanted, taken);
  if (beside !== undefined) return beside;
  const dropped = saved.fields.filter((field) => !taken.includes(field)).map(({ name }) => name);
  const isSame =
    added.length + dropped.length === 0 &&
    saved.fixedBytes === wanted.fixedBytes &&
    saved.nullOffset === wanted.nullOffset &&
    moves.every(({ from, to }) => JSON.stringify(from) === JSON.stringify(to));
  return { saved, wanted, moves, absent, isSame, added, dropped, converted, recomputed };
}

/** By wanted field: the saved one. */
function matchFields(
  saved: readonly StateRowField[],
  wanted: readonly StateRowField[],
): readonly (StateRowField | undefined)[] {
  const found: (StateRowField | undefined)[] = wanted.map(() => undefined);
  const free = new Set(saved);
  const pair = (same: (a: StateRowField, b: StateRowField) => boolean) => {
    for (const [i, field] of wanted.entries()) {
      if (found[i] !== undefined) continue;
      const one = [...free].find((other) => same(other, field));
      if (one === undefined) continue;
      found[i] = one;
      free.delete(one);
    }
  };
  const sameLineage = (a: StateRowField, b: StateRowField) =>
    a.lineage !== undefined && a.lineage === b.lineage;
  pair((a, b) => sameLineage(a, b) && a.name === b.name);
  pair(sameLineage);
  pair((a, b) => a.name === b.name);
  return found;
}

function typeChange(from: StateRowField, to: StateRowField): "same" | "converted" | "differs" {
  if (from.type.nullable && !to.type.nullable) return "differs";
  if (from.slots.length !== to.slots.length) return "differs";
  const [a, b] = [from.type, to.type];
  const bare = (type: object) => JSON.stringify({ ...type, nullable: true }, sortedKeys(type));
  if (bare(a) === bare(b)) return a.nullable === b.nullable ? "same" : "converted";
  const widensInteger =
    INTEGERS.includes(a.kind) && INTEGERS.indexOf(a.kind) < INTEGERS.indexOf(b.kind);
  const widensReal = a.kind === "FLOAT" && b.kind === "DOUBLE";
  const widensDecimal =
    a.kind === "DECIMAL" &&
    b.kind === "DECIMAL" &&
    a.scale === b.scale &&
    a.precision <= b.precision;
  const widensText =
    (a.kind === "VARCHAR" || a.kind === "VARBINARY") && a.kind === b.kind && a.length <= b.length;
  return widensInteger || widensReal || widensDecimal || widensText ? "converted" : "differs";
}

/** Keys of a type and of what is nested in it, so that their order does not count. */
function sortedKeys(type: object): string[] {
  const keys = new Set<string>();
  JSON.stringify(type, (key: string, value: unknown) => {
    if (key !== "") keys.add(key);
    return value;
  });
  return [...keys.add("nullable")].sort();
}

function identityDifference(
  saved: StateRows,
  wanted: StateRows,
  taken: readonly (StateRowField | undefined)[],
): string | undefined {
  const same =
    saved.whole === wanted.whole &&
    saved.identity.length === wanted.identity.length &&
    wanted.identity.every((field, k) => {
      const before = taken[field];
      return (
        before !== undefined &&
        before === saved.fields[saved.identity[k]!] &&
        typeChange(before, wanted.fields[field]!) === "same"
      );
    });
  return same ? undefined : "what orders its rows or tells them apart has changed";
}

export interface RowMoverOptions {
  readonly runtime: WorkerRuntime;
  readonly from: number;
  readonly to: number;
  readonly plan: RowsPlan;
}

/** Moves the rows of entries from one map to another. The value's other bytes are copied already. */
export class RowMover {
  readonly #options: RowMoverOptions;

  constructor(options: RowMoverOptions) {
    this.#options = options;
  }

  move(hash: number, oldEntry: number, newEntry: number): void {
    const { plan, runtime } = this.#options;
    const old = oldEntry + plan.saved.offset;
    const entry = newEntry + plan.wanted.offset;
    const data = new DataView(runtime.memory.buffer);
    if (plan.wanted.kind !== "one") {
      this.#moveSet(hash, old, entry);
      return;
    }
    const handle = data.getUint32(old, true);
    if (handle === 0) return;
    const { kernels, memory } = runtime;
    const at = kernels.logPtr(this.#options.from, hash, handle) >>> 0;
    const row = this.#converted(at, kernels.logLength(at));
    const moved = this.#append(hash, row);
    new DataView(memory.buffer).setUint32(entry, moved, true);
  }

  #moveSet(hash: number, old: number, entry: number): void {
    const { runtime, from, to, plan } = this.#options;
    const { kernels, memory } = runtime;
    const moved = new Map<number, number>();
    let handle = new DataView(memory.buffer).getUint32(old, true);
    let first = 0;
    let previous = 0;
    while (handle !== 0) {
      const block = kernels.logPtr(from, hash, handle) >>> 0;
      const length = kernels.logLength(block);
      const data = new DataView(memory.buffer);
      const next = data.getUint32(block, true);
      const short = (data.getUint32(block - 8, true) & SHORT) !== 0;
      const word = short ? 0 : data.getUint32(block + BLOCK_IDENTITY, true);
      const timed = (word & WRITTEN) !== 0 ? WRITTEN_BYTES : 0;
      const head = BLOCK_HEADER + (word & ~WRITTEN);
      const rowAt = block + (short ? SHORT_HEADER : head);
      const before = new Uint8Array(head);
      if (!short) before.set(new Uint8Array(memory.buffer, block, head));
      const times = new Uint8Array(memory.buffer, block + length - timed, timed).slice();
      const row = this.#converted(rowAt, length - (rowAt - block) - timed);
      const size = head + row.length + timed;
      const copy = kernels.logAllocateLinked(to, hash, size) >>> 0;
      const at = kernels.logPtr(to, hash, copy) >>> 0;
      const bytes = new Uint8Array(memory.buffer, at, size);
      bytes.set(before, 0);
      bytes.set(row, head);
      bytes.set(times, head + row.length);
      const after = new DataView(memory.buffer);
      after.setUint32(at, 0, true);
      after.setUint32(at + 4, previous, true);
      if (previous === 0) first = copy;
      else {
        const last = kernels.logPtr(to, hash, previous) >>> 0;
        new DataView(memory.buffer).setUint32(last, copy, true);
      }
      moved.set(handle, copy);
      previous = copy;
      handle = next;
    }
    const index = plan.wanted.kind === "ranked" ? this.#moveOrder(hash, old, moved) : 0;
    const data = new DataView(memory.buffer);
    data.setUint32(entry, first, true);
    data.setUint32(entry + 4, previous, true);
    data.setUint32(entry + SET_ROWS, moved.size, true);
    data.setUint32(entry + SET_INDEX, index, true);
  }

  /** The order of a ranked set: handles, best first. */
  #moveOrder(hash: number, old: number, moved: ReadonlyMap<number, number>): number {
    const { runtime, from } = this.#options;
    const { kernels, memory } = runtime;
    const handle = new DataView(memory.buffer).getUint32(old + SET_INDEX, true);
    if (handle === 0) return 0;
    const at = kernels.logPtr(from, hash, handle) >>> 0;
    const order = new Uint32Array(memory.buffer, at, kernels.logLength(at) >>> 2).map(
      (one) => moved.get(one) ?? 0,
    );
    return this.#append(hash, new Uint8Array(order.buffer));
  }

  #append(hash: number, bytes: Uint8Array): number {
    const { runtime, to } = this.#options;
    const { kernels, memory } = runtime;
    const mark = kernels.arenaMark();
    const copy = kernels.arenaAlloc(Math.max(8, bytes.length)) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, copy);
    const handle = kernels.logAppend(to, hash, copy, bytes.length) >>> 0;
    kernels.arenaRelease(mark);
    return handle;
  }

  /** The bytes of one row in the new form. */
  #converted(address: number, length: number): Uint8Array {
    const { plan, runtime } = this.#options;
    const { saved, wanted, moves, absent } = plan;
    const old = new DataView(runtime.memory.buffer, address, length);
    const isNull = ({ nullBit }: StateRowSlot) =>
      nullBit >= 0 &&
      ((old.getUint8(saved.nullOffset + (nullBit >> 3)) >> (nullBit & 7)) & 1) === 1;
    let size = wanted.fixedBytes;
    for (const { from } of moves)
      if (from.view && !isNull(from)) size += old.getUint32(from.offset + 4, true);
    const row = new Uint8Array(size);
    const data = new DataView(row.buffer);
    const setNull = ({ nullBit }: StateRowSlot) => {
      const at = wanted.nullOffset + (nullBit >> 3);
      if (nullBit >= 0) row[at] = row[at]! | (1 << (nullBit & 7));
    };
    for (const slot of absent) setNull(slot);
    let end = wanted.fixedBytes;
    for (const { from, to, real } of moves) {
      if (isNull(from)) setNull(to);
      else if (to.view) {
        const bytes = old.getUint32(from.offset + 4, true);
        const start = address + old.getUint32(from.offset, true);
        row.set(new Uint8Array(runtime.memory.buffer, start, bytes), end);
        data.setUint32(to.offset, end, true);
        data.setUint32(to.offset + 4, bytes, true);
        end += bytes;
      } else if (to.offset >= 0) copyValue(old, data, from, to, real);
    }
    return row;
  }
}

function copyValue(
  old: DataView,
  data: DataView,
  from: StateRowSlot,
  to: StateRowSlot,
  real: boolean,
): void {
  if (from.width === to.width) {
    for (let i = 0; i < to.width; i++) data.setUint8(to.offset + i, old.getUint8(from.offset + i));
    return;
  }
  if (real) {
    data.setFloat64(to.offset, old.getFloat32(from.offset, true), true);
    return;
  }
  const negative = (old.getUint8(from.offset + from.width - 1) & 0x80) !== 0;
  for (let i = 0; i < to.width; i++)
    data.setUint8(
      to.offset + i,
      i < from.width ? old.getUint8(from.offset + i) : negative ? 0xff : 0,
    );
}
