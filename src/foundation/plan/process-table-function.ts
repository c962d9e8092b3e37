/**
 * ProcessTableFunction in the plan: a call whose arguments are tables, and what runs it.
 *
 * Semantics: `row`: every row for itself; `set`: rows that share their partition keys go to one subtask and share state.
 * Output:    set semantics puts the partition keys of each table first, then the function's own columns; pass-through puts
 *            all of the table's columns first; on_time appends `rowtime`.
 * Source:    Flink StreamExecProcessTableFunction, FLIP-440, FLIP-564 (changelog functions).
 */
import { type LogicalType, type RowField, withNullable } from "../columnar/logical-type.ts";
import type { Schema } from "../columnar/schema.ts";
import type { Expression, SortField } from "./expression.ts";

/** One table argument; its place among the node's inputs is its place in the list. */
export interface ProcessTable {
  /** The parameter's name. */
  readonly name: string;
  /** Names of its columns, as the statement has them. */
  readonly fields: readonly string[];
  readonly semantics: "row" | "set";
  readonly partitionKeys: readonly number[];
  readonly sort: readonly SortField[];
  /** All of its columns stand in the output, in place of its keys. */
  readonly passThrough?: boolean;
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

/** What PARTITION BY, updates and time may do at a table parameter. Flink's ArgumentTrait. */
export type TableTrait =
  | "row-semantics"
  | "set-semantics"
  | "optional-partition-by"
  | "pass-columns-through"
  | "support-updates"
  | "require-update-before"
  | "require-full-delete"
  | "require-on-time";

export interface TableParameter {
  readonly name: string;
  readonly kind: "table";
  readonly traits: readonly TableTrait[];
  readonly optional?: boolean;
  /** The columns are cast to these by position; absent: any columns. */
  readonly fields?: readonly RowField[];
}
export interface ScalarParameter {
  readonly name: string;
  readonly kind: "scalar";
  readonly type: LogicalType;
  readonly optional?: boolean;
}
export interface DescriptorParameter {
  readonly name: string;
  readonly kind: "descriptor";
  readonly optional?: boolean;
}
export type ProcessParameter = TableParameter | ScalarParameter | DescriptorParameter;

/** One entry of a function's state, by partition key. `type` is that of the value, element or map value. */
export interface ProcessState {
  readonly name: string;
  readonly kind: "value" | "list" | "map";
  readonly type: LogicalType;
  /** Of a map. */
  readonly keyType?: LogicalType;
  /** 0 = for ever; absent: as table.exec.state.ttl says. */
  readonly ttlMs?: number;
}

/** What a process table function says of itself. */
export interface ProcessDeclaration {
  readonly parameters: readonly ProcessParameter[];
  readonly state: readonly ProcessState[];
  readonly output: readonly RowField[];
  /** What it emits; upserts are keyed by PARTITION BY. */
  readonly changelog: "insert-only" | "retract" | "upsert";
}

/** The changes of one stream: kinds as Flink writes them, whether deletions hold the key alone. */
export interface ProcessChanges {
  readonly kinds: readonly string[];
  readonly keyOnlyDeletes: boolean;
}

/** A function of the user: `className` names it for who loads it. */
export interface UserProcess {
  readonly kind: "user";
  readonly className: string;
  readonly parameters: readonly string[];
  readonly state: readonly ProcessState[];
  /** By table: whether it comes without -U. */
  readonly upserts: readonly boolean[];
  /** By table: whether deletions must hold all columns. */
  readonly wholeDeletes: readonly boolean[];
  readonly changelog: ProcessDeclaration["changelog"];
  readonly timers: boolean;
  /** By table, and of the output; the plan builder fills them in. */
  readonly inputChanges?: readonly ProcessChanges[];
  readonly outputChanges?: ProcessChanges;
}

export type ProcessImplementation = ToChangelog | FromChangelog | UserProcess;

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

/**
 * By place in PARTITION BY: whether any table's key may be NULL. Keys are encoded so in all of them, in exchanges as in
 * state, so that equal keys have one hash.
 */
export function nullableKeys(
  tables: readonly ProcessTable[],
  inputs: readonly Schema[],
): readonly boolean[] {
  const keyed = tables.flatMap(({ partitionKeys }, i) =>
    partitionKeys.length === 0
      ? []
      : [partitionKeys.map((index) => inputs[i]!.fields[index]!.type.nullable)],
  );
  return (keyed[0] ?? []).map((_, at) => keyed.some((own) => own[at]));
}

/** A schema whose keys are as nullable as `nullable` says. */
export function withKeys(
  { fields }: Schema,
  keys: readonly number[],
  nullable: readonly boolean[],
): Schema {
  return {
    fields: fields.map((field, index) => {
      const at = keys.indexOf(index);
      return at < 0 ? field : { ...field, type: withNullable(field.type, nullable[at]!) };
    }),
  };
}

/** Fields in the order of a function's output: partition keys, then the others. */
export function keysFirst(width: number, keys: readonly number[]): number[] {
  const rest = Array.from({ length: width }, (_, index) => index);
  return [...keys, ...rest.filter((index) => !keys.includes(index))];
}
