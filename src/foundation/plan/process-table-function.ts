/**
 * ProcessTableFunction in the plan: a call whose arguments are tables, and what runs it.
 *
 * Semantics: `row`: every row for itself; `set`: rows that share their partition keys go to one subtask and share state.
 * Output:    set semantics puts the partition keys of each table first, then the function's own columns; pass-through puts
 *            all of the table's columns first; on_time appends `rowtime`.
 * Source:    Flink StreamExecProcessTableFunction, FLIP-440, FLIP-564 (changelog functions).
 */
import type { Expression, SortField } from "./expression.ts";

/** One table argument; its place among the node's inputs is its place in the list. */
export interface ProcessTable {
  /** The parameter's name. */
  readonly name: string;
  readonly semantics: "row" | "set";
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
}

/** An argument as it was given; `table` counts the node's inputs. */
export type ProcessArgument =
  | { readonly kind: "table"; readonly table: number }
  | { readonly kind: "scalar"; readonly value: Expression }
  | { readonly kind: "descriptor"; readonly columns: readonly string[] }
  | { readonly kind: "default" };

/** TO_CHANGELOG: [partition keys, op, other fields] of every change that has a code, as insertions. */
export interface ToChangelog {
  readonly kind: "to-changelog";
  /** By RowKind; null = such changes are left out. */
  readonly codes: readonly (string | null)[];
  /** Fields of the input that a deletion keeps, the others become NULL; absent: it keeps all. */
  readonly deleteKeeps?: readonly number[];
  readonly fullDeletes: boolean;
}

/** FROM_CHANGELOG: [partition keys, other fields without the code]; the code says the kind of change. */
export interface FromChangelog {
  readonly kind: "from-changelog";
  /** Field of the input that holds the code. */
  readonly op: number;
  /** RowKind by code. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Rows whose code is NULL or unknown are left out, not refused. */
  readonly skip: boolean;
}

export type ProcessImplementation = ToChangelog | FromChangelog;

export interface ProcessSpec {
  readonly function: string;
  readonly tables: readonly ProcessTable[];
  readonly arguments: readonly ProcessArgument[];
  /** Names the state of the function across plans; null where there is none to name. */
  readonly uidArgument: string | null;
  /** By table: field of the time attribute that on_time names; empty without on_time. */
  readonly onTime: readonly number[];
  readonly implementation: ProcessImplementation;
}

/** Fields in the order of a function's output: partition keys, then the others. */
export function keysFirst(width: number, keys: readonly number[]): number[] {
  const rest = Array.from({ length: width }, (_, index) => index);
  return [...keys, ...rest.filter((index) => !keys.includes(index))];
}
