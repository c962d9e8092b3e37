/** What a Match node looks for and yields: pattern, conditions and measures over the rows of its variables. */
import type { LogicalType } from "../columnar/logical-type.ts";
import type { Expression } from "./expression.ts";

/** One place of the pattern; `max` -1 = any number. Greedy: a row that fits it is no row of what follows. */
export interface MatchVariable {
  readonly variable: string;
  readonly min: number;
  readonly max: number;
  readonly greedy: boolean;
}

/**
 * A field of one row of a variable (position in the pattern, -1 = of all variables): `offset` rows after its first, or
 * before its last. NULL where there is none. In a condition the row in question counts as one of the variable's.
 */
export interface MatchReference {
  readonly position: number;
  readonly first: boolean;
  readonly offset: number;
  readonly field: number;
}

/** An aggregate over all rows of a variable; args are fields of the input. */
export interface MatchAggregate {
  readonly position: number;
  readonly function: string;
  readonly args: readonly number[];
  readonly type: LogicalType;
}

/** Expressions whose inputs are the references, then the aggregates. */
export interface MatchExpressions {
  readonly references: readonly MatchReference[];
  readonly aggregates: readonly MatchAggregate[];
  readonly expressions: readonly Expression[];
}

/** Where the next match may begin; TO_FIRST and TO_LAST name the variable's position. */
export type MatchSkip =
  | { readonly skip: "PAST_LAST_ROW" | "TO_NEXT_ROW" }
  | { readonly skip: "TO_FIRST" | "TO_LAST"; readonly position: number };

export interface MatchSpec {
  readonly pattern: readonly MatchVariable[];
  readonly after: MatchSkip;
  /** 0 = for ever. */
  readonly withinMs: number;
  /** One condition for each variable. */
  readonly define: readonly MatchExpressions[];
  readonly measures: MatchExpressions;
}
