/**
 * Where Flink's rule and the peer's differ, each with its reason. Anything else that differs is a bug of one side.
 */
import type { RowDifference } from "./compare-answers.ts";
import type { FuzzCase, Peer } from "./fuzz-expression.ts";

export interface DocumentedDifference {
  readonly name: string;
  readonly peers: readonly Peer[];
  readonly flink: string;
  readonly peer: string;
  explains(one: FuzzCase, difference: RowDifference): boolean;
}

const DOCUMENTED: readonly DocumentedDifference[] = [];

/** The first that explains every row. */
export function explanationOf(
  one: FuzzCase,
  differing: readonly RowDifference[],
  peer: Peer,
): DocumentedDifference | undefined {
  return DOCUMENTED.find(
    (entry) =>
      entry.peers.includes(peer) &&
      differing.every((difference) => entry.explains(one, difference)),
  );
}
