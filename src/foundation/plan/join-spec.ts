/** Parts of the nodes that join: exec-node.ts. */
export type JoinType = "INNER" | "LEFT" | "RIGHT" | "FULL" | "SEMI" | "ANTI";
/** What a join side's rows are unique by: decides the layout of its state. */
export type JoinInputUnique = "join-key-unique" | "has-unique-key" | "no-unique-key";
export interface JoinSideSpec {
  readonly unique: JoinInputUnique;
  readonly uniqueKey?: readonly number[];
  readonly stateTtlMs?: number;
  /** The TTL as a STATE_TTL hint gave it, for the description. */
  readonly stateTtlHint?: string;
}
/** What the planner expects of an input; a guess where tables have no statistics. */
export interface InputEstimate {
  readonly rows: number;
  /** Average bytes of a row. */
  readonly rowBytes: number;
}
