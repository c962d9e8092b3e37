/**
 * PhysNode: an ExecNode in the making, with what changelog inference knows about its output.
 *
 * Flow:    physical-planner builds them bottom-up (modify kinds and upsert keys at once); changelog.ts decides update kinds
 *          top-down; exec-plan-builder.ts numbers them into an ExecPlan. Equal nodes are one node (intern): sub-plan reuse.
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Distribution, ExecNode } from "../../../foundation/plan/exec-node.ts";

type BaseKeys =
  | "id"
  | "uid"
  | "inputs"
  | "output"
  | "changelogMode"
  | "changes"
  | "upsertKeys"
  | "description"
  | "stateTtlMs";
type Distributive<T> = T extends unknown ? Omit<T, BaseKeys> : never;
export type PhysSpec = Distributive<ExecNode>;
export type PhysSpecOf<T extends PhysSpec["type"]> = Extract<PhysSpec, { type: T }>;

/** Kinds of change a node may emit, as bits. */
export const INSERT = 1;
export const UPDATE = 2;
export const DELETE = 4;
export const ALL = INSERT | UPDATE | DELETE;

export interface PhysEdge {
  readonly node: PhysNode;
  readonly distribution: Distribution;
}
export type UpsertKeys = readonly (readonly number[])[];

export interface PhysNode {
  readonly spec: PhysSpec;
  readonly inputs: readonly PhysEdge[];
  readonly schema: Schema;
  readonly kinds: number;
  readonly upsertKeys: UpsertKeys;
  readonly stateTtlMs?: number;
  /** A source that sends +U without -U. */
  readonly upsertSource?: boolean;
  /** A source whose deletions hold the key alone; a sink that takes such. */
  readonly keyOnlyDeletes?: boolean;
  /** Number in order of making: stable for one query, and the key of interning. */
  readonly order: number;
}

export const forward: Distribution = { kind: "forward" };
export const singleton: Distribution = { kind: "singleton" };
export const hashBy = (keys: readonly number[]): Distribution =>
  keys.length === 0 ? singleton : { kind: "hash", keys };

export const isInsertOnly = (node: PhysNode): boolean => node.kinds === INSERT;

/** Makes nodes; the same spec over the same inputs gives the same node. */
export class PhysFactory {
  readonly #nodes = new Map<string, PhysNode>();
  #order = 0;

  make(
    spec: PhysSpec,
    inputs: readonly PhysEdge[],
    schema: Schema,
    traits: {
      readonly kinds: number;
      readonly upsertKeys?: UpsertKeys;
      readonly stateTtlMs?: number | undefined;
      readonly upsertSource?: boolean;
      readonly keyOnlyDeletes?: boolean;
      /** Not to be shared: it holds something that is not deterministic. */
      readonly unique?: boolean;
    },
  ): PhysNode {
    const edges = inputs.map((edge) => [edge.node.order, edge.distribution]);
    const key = traits.unique
      ? `#${this.#order}`
      : JSON.stringify([spec, edges, schema, traits.stateTtlMs]);
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node: PhysNode = {
      spec,
      inputs,
      schema,
      kinds: traits.kinds,
      upsertKeys: minimal(traits.upsertKeys ?? []),
      order: this.#order++,
      ...(traits.stateTtlMs === undefined ? {} : { stateTtlMs: traits.stateTtlMs }),
      ...(traits.upsertSource ? { upsertSource: true } : {}),
      ...(traits.keyOnlyDeletes ? { keyOnlyDeletes: true } : {}),
    };
    this.#nodes.set(key, node);
    return node;
  }
}

const MAX_UPSERT_KEYS = 16;

/** Without duplicates, short ones first; longer keys stay, because an exchange may drop the short ones. */
function minimal(keys: UpsertKeys): UpsertKeys {
  const sorted = keys
    .map((key) => [...new Set(key)].sort((a, b) => a - b))
    .sort((a, b) => a.length - b.length);
  const result: number[][] = [];
  for (const key of sorted)
    if (!result.some((other) => other.join() === key.join())) result.push(key);
  return result.slice(0, MAX_UPSERT_KEYS);
}
