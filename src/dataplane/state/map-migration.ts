/**
 * Map migration: what a restore can make of a map whose saved layout is not the wanted one.
 *
 * Flow:    layouts → planMigration (pure; also asked offline, before a start) → migrateMap: entries of the old map, one by
 *          one, into a new one; the old one goes.
 * Does:    names of key fields (the key itself is the same, or the operator would have another uid); in maps that may grow
 *          (accumulators of rows that are only added): an aggregate comes (from zero) or goes, an integer widens, an
 *          argument begins to be nullable, the order of the aggregates changes.
 *          The rows that a map keeps: row-migration.ts.
 * Does not: other key types (a key's hash and key group would change), lists and other blocks with an inner form, maps of
 *          rows that may be taken back (a new aggregate would take back what it has never seen).
 * Cost:    one pass over the entries on the thread of the worker; both maps are in memory until the end.
 */
import { physicalOf } from "../../foundation/columnar/logical-type.ts";
import type { KeyGroupRange } from "../../foundation/columnar/key-group.ts";
import type { KeyedMapSpec, StateField } from "../contract/keyed-state.ts";
import type { WorkerRuntime } from "../contract/operator.ts";
import { planRows, RowMover, type RowsPlan } from "./row-migration.ts";

/** One thing that is done to every entry's value. */
export type Move =
  | { readonly kind: "bytes"; readonly from: number; readonly to: number; readonly width: number }
  | { readonly kind: "widen"; readonly from: number; readonly to: number; readonly real: boolean }
  | { readonly kind: "block"; readonly from: number; readonly to: number }
  | { readonly kind: "bit"; readonly from: Bit; readonly to: Bit }
  /** A bit that is set where a number is not zero. */
  | { readonly kind: "present"; readonly from: number; readonly to: Bit };

interface Bit {
  readonly offset: number;
  readonly mask: number;
}

export type Migration =
  | { readonly kind: "same" }
  /** Only the names of fields differ. */
  | { readonly kind: "renamed" }
  | {
      readonly kind: "migrates";
      readonly moves: readonly Move[];
      /** Names of fields that start empty. */
      readonly added: readonly string[];
      /** Names of fields whose contents go. */
      readonly dropped: readonly string[];
      /** Of maps that keep rows. */
      readonly rows?: readonly RowsPlan[];
    }
  /** It has the former key: the operator moves its entries. */
  | { readonly kind: "rekeyed" }
  | { readonly kind: "differs"; readonly reason: string };

const INTEGERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT"]);
const SUM = /^\$?SUM0?(\$1)?\(/;
const WORD = 4;
/** What a value has of the rows that it keeps: a handle, or the parts of a row set. */
const ROWS_BYTES = { one: 8, set: 16, ranked: 16 } as const;

/** `keyNames`: whether names of key fields matter. */
export function planMigration(
  saved: KeyedMapSpec,
  wanted: KeyedMapSpec,
  { keyNames }: { readonly keyNames: boolean },
): Migration {
  const differs = (reason: string) => ({ kind: "differs", reason }) as const;
  if (hasFormerKey(saved, wanted, keyNames)) return { kind: "rekeyed" };
  if (saved.keyBytes !== wanted.keyBytes)
    return differs(`keys had ${bytes(saved.keyBytes)}, now ${bytes(wanted.keyBytes)}`);
  const keys = fieldsDifference("key", saved.keyFields, wanted.keyFields, keyNames);
  if (keys !== undefined) return differs(keys);
  const values = fieldsDifference("value", saved.valueFields, wanted.valueFields, true);
  if (values === undefined && saved.valueBytes === wanted.valueBytes) {
    const rows = keptRows(saved, wanted);
    if (typeof rows === "string") return differs(rows);
    if (rows.some(({ isSame }) => !isSame)) {
      const blocks = blocksBeside(wanted);
      const list = blocks.find(({ flat }) => flat !== true);
      if (list !== undefined) return differs(`'${list.name}' keeps a list, which is not moved`);
      const moves: readonly Move[] = [
        { kind: "bytes", from: 0, to: 0, width: wanted.valueBytes },
        ...blocks.map(({ offset }) => ({ kind: "block", from: offset, to: offset }) as const),
      ];
      const added = rows.flatMap((plan) => plan.added);
      const dropped = rows.flatMap((plan) => plan.dropped);
      return { kind: "migrates", moves, added, dropped, rows };
    }
    const names = fieldsDifference("key", saved.keyFields, wanted.keyFields, true);
    return names === undefined ? { kind: "same" } : { kind: "renamed" };
  }
  if (wanted.mayGrow !== true || saved.mayGrow !== true)
    return differs(values ?? `values had ${saved.valueBytes} bytes, now ${wanted.valueBytes}`);
  return new Planner(saved, wanted).plan();
}

/** Only entries without handles are moved by their operators, so the values must be the same. */
function hasFormerKey(saved: KeyedMapSpec, wanted: KeyedMapSpec, keyNames: boolean): boolean {
  const { former } = wanted;
  if (former === undefined || saved.keyBytes !== former.keyBytes) return false;
  return (
    fieldsDifference("key", saved.keyFields, former.keyFields, keyNames) === undefined &&
    fieldsDifference("value", saved.valueFields, wanted.valueFields, true) === undefined &&
    saved.valueBytes === wanted.valueBytes
  );
}

/** Uids that hold a digest of the keys (operator-identity.ts): their names may change, the keys have not. */
export function isNamedByRole(uid: string): boolean {
  return /_[0-9a-f]{10}(-|~|$)/.test(uid);
}

/** Handles that are not those of the rows: what moves rows does not know them. */
function blocksBeside({ valueFields, rows = [] }: KeyedMapSpec): readonly StateField[] {
  const isOfRows = (at: number) =>
    rows.some(({ kind, offset }) => at >= offset && at < offset + ROWS_BYTES[kind]);
  return valueFields.filter(({ type, offset }) => type === "handle" && !isOfRows(offset));
}

/** What becomes of the rows that a map keeps; nothing where an earlier release has not written their form. */
export function keptRows(saved: KeyedMapSpec, wanted: KeyedMapSpec): readonly RowsPlan[] | string {
  const plans: RowsPlan[] = [];
  if (saved.rows === undefined || wanted.rows === undefined) return plans;
  if (saved.rows.length !== wanted.rows.length) return "it keeps rows of other inputs";
  for (const [i, rows] of wanted.rows.entries()) {
    const plan = planRows(saved.rows[i]!, rows);
    if (typeof plan === "string") return plan;
    plans.push(plan);
  }
  return plans;
}

/** The first difference between two layouts of one map, in words; undefined when they agree. */
export function layoutDifference(saved: KeyedMapSpec, wanted: KeyedMapSpec): string | undefined {
  const grown = { ...saved, mayGrow: false };
  const migration = planMigration(grown, wanted, { keyNames: true });
  if (migration.kind === "migrates") return "the rows it keeps have other columns";
  if (migration.kind === "rekeyed") return "its keys have another form";
  return migration.kind === "differs" ? migration.reason : undefined;
}

function bytes(count: number): string {
  return count < 0 ? "a variable size" : `${count} bytes`;
}

/** The first difference of two lists of fields, in words. */
export function fieldsDifference(
  part: string,
  saved: readonly StateField[],
  wanted: readonly StateField[],
  names: boolean,
): string | undefined {
  const most = Math.max(saved.length, wanted.length);
  for (let i = 0; i < most; i++) {
    const before = saved[i];
    const after = wanted[i];
    if (before === undefined) return `${part} field '${after!.name}' is new`;
    if (after === undefined) return `${part} field '${before.name}' is gone`;
    if (names && before.name !== after.name)
      return `${part} field '${before.name}' is now '${after.name}'`;
    if (before.offset !== after.offset)
      return `${part} field '${before.name}' moved from byte ${before.offset} to ${after.offset}`;
    if (JSON.stringify(before.type) !== JSON.stringify(after.type))
      return `${part} field '${before.name}' has another type`;
    const bits = (field: StateField) => field.bits?.join("\n") ?? "";
    if (names && bits(before) !== bits(after)) return `the flags of '${before.name}' differ`;
  }
  return undefined;
}

class Unfit extends Error {}

class Planner {
  readonly #saved: KeyedMapSpec;
  readonly #wanted: KeyedMapSpec;
  readonly #moves: Move[] = [{ kind: "bytes", from: 0, to: 0, width: 8 }];
  readonly #added: string[] = [];
  readonly #savedBits: ReadonlyMap<string, Bit>;
  readonly #wantedBits: ReadonlyMap<string, Bit>;

  constructor(saved: KeyedMapSpec, wanted: KeyedMapSpec) {
    this.#saved = saved;
    this.#wanted = wanted;
    this.#savedBits = bitsOf(saved.valueFields);
    this.#wantedBits = bitsOf(wanted.valueFields);
  }

  plan(): Migration {
    // The word behind the flags belongs to the operator: it is the same whatever the aggregates are.
    this.#moves.push({ kind: "bytes", from: 12, to: 12, width: WORD });
    try {
      for (const field of this.#wanted.valueFields.slice(1)) this.#field(field);
      for (const [name, bit] of this.#wantedBits) this.#bit(name, bit);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      return { kind: "differs", reason: error.message };
    }
    const kept = new Set(this.#wanted.valueFields.map(({ name }) => name));
    const dropped = this.#saved.valueFields.filter(
      ({ name, type }) => type !== "flags" && !kept.has(name),
    );
    return {
      kind: "migrates",
      moves: this.#moves,
      added: this.#added,
      dropped: dropped.map(({ name }) => name),
    };
  }

  #field(field: StateField): void {
    if (field.type === "flags") return;
    const saved = this.#find(field.name);
    if (saved !== undefined) this.#keep(saved, field);
    else if (field.type === "counter") this.#newCounter(field);
    else this.#newSlot(field);
  }

  #keep(saved: StateField, field: StateField): void {
    const { name } = field;
    const place = { from: saved.offset, to: field.offset };
    if (field.type === "handle" || saved.type === "handle") {
      if (field.flat !== true || saved.flat !== true)
        throw new Unfit(`'${name}' keeps a list, which is not moved`);
      this.#moves.push({ kind: "block", ...place });
      return;
    }
    if (field.type !== "counter" && field.type !== "flags" && saved.type !== field.type) {
      const before = typeof saved.type === "string" ? undefined : saved.type;
      const widened =
        before !== undefined && INTEGERS.has(before.kind) && INTEGERS.has(field.type.kind);
      const real = before?.kind === "FLOAT" && field.type.kind === "DOUBLE";
      const plain = { ...before, nullable: field.type.nullable };
      if (!widened && !real && JSON.stringify(sorted(plain)) !== JSON.stringify(sorted(field.type)))
        throw new Unfit(`'${name}' has another type`);
    }
    const [from, to] = [saved, field].map(widthOf) as [number, number];
    const real = typeof field.type !== "string" && field.type.kind === "DOUBLE";
    if (from === to) this.#moves.push({ kind: "bytes", ...place, width: to });
    else if (from === 4 && to === 8) this.#moves.push({ kind: "widen", ...place, real });
    else throw new Unfit(`'${name}' had ${from} bytes, now ${to}`);
    this.#checkPresence(saved, field);
  }

  /** What says whether a value is there must still be known. */
  #checkPresence({ name, condition }: StateField, field: StateField): void {
    if (field.type === "counter" || this.#wantedBits.has(name)) return;
    if (this.#counterOf(this.#wanted, condition) !== undefined) return;
    const had = this.#savedBits.has(name) || this.#counterOf(this.#saved, condition) !== undefined;
    if (had && !SUM.test(name)) throw new Unfit(`the argument of '${name}' may no longer be NULL`);
  }

  /** Values that have been counted by nobody: all rows, when the condition let every row pass. */
  #newCounter({ name, offset, condition }: StateField): void {
    const slots = this.#saved.valueFields.filter(
      (field) => field.condition === condition && field.type !== "counter",
    );
    const hidden = slots.find((field) => this.#savedBits.has(field.name));
    if (hidden !== undefined)
      throw new Unfit(`how many values '${hidden.name}' is of has not been counted`);
    if (slots.length > 0) this.#moves.push({ kind: "bytes", from: 0, to: offset, width: 8 });
    else this.#added.push(name);
  }

  #newSlot({ name, condition }: StateField): void {
    this.#added.push(name);
    if (this.#wantedBits.has(name) || SUM.test(name)) return;
    const counter = this.#counterOf(this.#wanted, condition);
    const fresh = counter !== undefined && this.#added.includes(counter.name);
    if (!fresh) throw new Unfit(`'${name}' cannot begin in groups that have rows already`);
  }

  #bit(name: string, to: Bit): void {
    const from = this.#savedBits.get(name);
    if (from !== undefined) {
      this.#moves.push({ kind: "bit", from, to });
      return;
    }
    const saved = this.#find(name);
    if (saved === undefined) return;
    const counter = this.#counterOf(this.#saved, saved.condition);
    this.#moves.push({ kind: "present", from: counter?.offset ?? 0, to });
  }

  #find(name: string): StateField | undefined {
    return this.#saved.valueFields.find((field) => field.name === name && field.type !== "flags");
  }

  #counterOf(spec: KeyedMapSpec, condition: string | undefined): StateField | undefined {
    return spec.valueFields.find(
      (field) =>
        field.type === "counter" && field.condition !== undefined && field.condition === condition,
    );
  }
}

function sorted(type: object): object {
  return Object.fromEntries(Object.entries(type).toSorted(([a], [b]) => a.localeCompare(b)));
}

function widthOf({ type, width }: StateField): number {
  if (width !== undefined) return width;
  if (type === "counter" || type === "handle" || type === "flags") return 8;
  const physical = physicalOf(type);
  if (physical === "i128" || physical === "ts128") return 16;
  return physical === "i64" || physical === "f64" ? 8 : 4;
}

function bitsOf(fields: readonly StateField[]): ReadonlyMap<string, Bit> {
  const bits = new Map<string, Bit>();
  for (const { offset, bits: names = [] } of fields)
    for (const [bit, name] of names.entries()) bits.set(name, { offset, mask: 1 << bit });
  return bits;
}

/** What is done to the values of a map's entries, and to the rows behind them. */
export interface MapMoves {
  readonly moves: readonly Move[];
  readonly rows?: readonly RowsPlan[];
}

export interface MigrateOptions extends MapMoves {
  readonly runtime: WorkerRuntime;
  /** Addresses of the maps. */
  readonly from: number;
  readonly to: number;
  readonly keyBytes: number;
  readonly keyGroups: KeyGroupRange;
}

/** Copies every entry of a map into another one. */
export function migrateMap(options: MigrateOptions): void {
  const { runtime, from, to, keyBytes, keyGroups } = options;
  const { kernels, memory } = runtime;
  const stored = keyBytes < 0 ? 8 : keyBytes;
  const movers = (options.rows ?? []).map((plan) => new RowMover({ runtime, from, to, plan }));
  for (let group = keyGroups.start; group <= keyGroups.end; group++) {
    for (let old = 0; ; ) {
      old = kernels.mapIterate(from, group, old) >>> 0;
      if (old === 0) break;
      const begin = old - stored;
      const data = new DataView(memory.buffer);
      const hash = data.getUint32(begin - 8, true);
      const key =
        keyBytes < 0 ? kernels.logPtr(from, hash, data.getUint32(begin, true)) >>> 0 : begin;
      const length = keyBytes < 0 ? kernels.logLength(key) : keyBytes;
      const entry = kernels.mapUpsert(to, BigInt(hash) << 32n, key, length) >>> 0;
      // With the time of the last write.
      const after = new DataView(memory.buffer);
      after.setUint32(entry - stored - 4, after.getUint32(begin - 4, true), true);
      for (const move of options.moves) moveValue(options, move, { hash, old, entry });
      for (const mover of movers) mover.move(hash, old, entry);
    }
  }
}

function moveValue(
  { runtime, from: oldMap, to: newMap }: MigrateOptions,
  move: Move,
  { hash, old, entry }: { readonly hash: number; readonly old: number; readonly entry: number },
): void {
  const { kernels, memory } = runtime;
  const data = new DataView(memory.buffer);
  switch (move.kind) {
    case "bytes":
      new Uint8Array(memory.buffer).copyWithin(
        entry + move.to,
        old + move.from,
        old + move.from + move.width,
      );
      break;
    case "widen":
      if (move.real) data.setFloat64(entry + move.to, data.getFloat32(old + move.from, true), true);
      else data.setBigInt64(entry + move.to, BigInt(data.getInt32(old + move.from, true)), true);
      break;
    case "block": {
      const handle = data.getUint32(old + move.from, true);
      if (handle === 0) break;
      const address = kernels.logPtr(oldMap, hash, handle) >>> 0;
      const copy = kernels.logAppend(newMap, hash, address, kernels.logLength(address)) >>> 0;
      const after = new DataView(memory.buffer);
      after.setUint32(entry + move.to, copy, true);
      after.setUint32(entry + move.to + 4, after.getUint32(old + move.from + 4, true), true);
      break;
    }
    case "bit":
      if ((data.getUint32(old + move.from.offset, true) & move.from.mask) !== 0)
        setBit(data, entry, move.to);
      break;
    case "present":
      if (data.getBigInt64(old + move.from, true) !== 0n) setBit(data, entry, move.to);
  }
}

function setBit(data: DataView, entry: number, { offset, mask }: Bit): void {
  data.setUint32(entry + offset, (data.getUint32(entry + offset, true) | mask) >>> 0, true);
}
