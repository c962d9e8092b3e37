/**
 * What generated code asks of keyed state, as plain data of the shapes of contract/keyed-state.ts (this room knows no
 * contract): StateField names a part of a key or value, KeyedMapLayout is a map to be created.
 */
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";

export interface StateField {
  readonly name: string;
  /** Byte offset within the key or the value. */
  readonly offset: number;
  readonly type: LogicalType | "counter" | "handle" | "flags";
  /** Bytes, where they are not those of the type. */
  readonly width?: number;
  /** Which rows count for it; counters and slots of one condition belong together. */
  readonly condition?: string;
  /** What the bits of flags say, lowest first. */
  readonly bits?: readonly string[];
  /** A handle whose block holds no further handles. */
  readonly flat?: boolean;
}

export interface KeyedMapLayout {
  readonly name: string;
  /** Multiple of 8, or -1 for variable keys. */
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly keyFields: readonly StateField[];
  readonly valueFields: readonly StateField[];
  readonly ttlMs: number;
  /** Value fields may come and go between snapshots: they start from zero, for each is of rows that were added. */
  readonly mayGrow?: boolean;
  /** The key that earlier releases gave it; what a restore brings of it is moved by whoever asked for the map. */
  readonly former?: Pick<KeyedMapLayout, "keyBytes" | "keyFields">;
}
