/**
 * Which words begin a clause: cuts the nodes of a query, an INSERT, a window or MATCH_RECOGNIZE into its clauses.
 *
 * Flow: layout.ts → here. The statement has been parsed, so that a word which could begin a clause does, but for those below:
 *       IS DISTINCT FROM, WITHIN GROUP, MULTISET UNION, LEFT(…), WITH of options and time zones.
 */
import { keywordOf, isPiece, type Node } from "./nodes.ts";

export interface Clause {
  readonly type: "plain" | "list" | "condition" | "relation" | "with";
  readonly head: readonly Node[];
  readonly body: readonly Node[];
}

interface Head {
  readonly type: Clause["type"];
  /** How many nodes it has. */
  readonly length: number;
}

/** `kind`: of the statement, or "query", "window", "match". */
export function findClauses(nodes: readonly Node[], kind: string): Clause[] {
  const clauses: Clause[] = [];
  const state = { selecting: kind === "query", kind };
  let from = 0;
  let head: Head = { type: "plain", length: 0 };
  const close = (to: number) => {
    if (to === from) return;
    const behind = from + head.length;
    clauses.push({
      type: head.type,
      head: nodes.slice(from, behind),
      body: nodes.slice(behind, to),
    });
  };
  for (let i = 0; i < nodes.length; i++) {
    const found = headAt(nodes, i, state);
    if (found === undefined) continue;
    close(i);
    from = i;
    head = found;
    i += found.length - 1;
  }
  close(nodes.length);
  return clauses;
}

const JOIN_WORDS = new Set(["NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER"]);
const SET_OPERATIONS = new Set(["UNION", "INTERSECT", "EXCEPT", "MINUS"]);
const MATCH_HEADS = new Set([
  "MEASURES",
  "ONE",
  "ALL",
  "AFTER",
  "PATTERN",
  "WITHIN",
  "SUBSET",
  "DEFINE",
]);

function headAt(
  nodes: readonly Node[],
  i: number,
  state: { selecting: boolean; readonly kind: string },
): Head | undefined {
  const word = keywordOf(nodes[i]);
  if (word === "") return undefined;
  const { kind } = state;
  const next = keywordOf(nodes[i + 1]);
  if (kind === "match" || kind === "window") return partHead(word, next, kind);
  if (word === "SELECT") {
    state.selecting = true;
    return { type: "list", length: selectLength(nodes, i) };
  }
  if (word === "VALUES") return { type: "list", length: 1 };
  if (word === "WITH" && startsItem(nodes, i + 1)) return { type: "with", length: 1 };
  if (word === "WHERE") return { type: "condition", length: 1 };
  if (word === "SET" && kind === "update") return { type: "list", length: 1 };
  if (word === "ON" && next === "CONFLICT") return { type: "plain", length: 2 };
  if (SET_OPERATIONS.has(word) && keywordOf(nodes[i - 1]) !== "MULTISET")
    return { type: "plain", length: next === "ALL" || next === "DISTINCT" ? 2 : 1 };
  if (word === "ORDER" && next === "BY") return { type: "list", length: 2 };
  return queryHead(nodes, i, word, state.selecting);
}

function queryHead(
  nodes: readonly Node[],
  i: number,
  word: string,
  selecting: boolean,
): Head | undefined {
  if (word === "LIMIT" || word === "OFFSET" || word === "FETCH")
    return { type: "plain", length: 1 };
  if (!selecting) return undefined;
  switch (word) {
    case "FROM":
      return isDistinctFrom(nodes, i) ? undefined : { type: "relation", length: 1 };
    case "GROUP":
      return keywordOf(nodes[i + 1]) === "BY" ? { type: "list", length: 2 } : undefined;
    case "HAVING":
    case "QUALIFY":
      return { type: "condition", length: 1 };
    case "WINDOW":
      return { type: "list", length: 1 };
    default: {
      const length = joinLength(nodes, i);
      return length === 0 ? undefined : { type: "relation", length };
    }
  }
}

/** Of a window, or of MATCH_RECOGNIZE. */
function partHead(word: string, next: string, kind: string): Head | undefined {
  if ((word === "PARTITION" || word === "ORDER") && next === "BY")
    return { type: "list", length: 2 };
  if (kind === "window")
    return word === "ROWS" || word === "RANGE" ? { type: "plain", length: 1 } : undefined;
  if (!MATCH_HEADS.has(word)) return undefined;
  if (word === "ALL" && next !== "ROWS") return undefined;
  const isList = word === "MEASURES" || word === "DEFINE" || word === "SUBSET";
  return { type: isList ? "list" : "plain", length: 1 };
}

/** SELECT, its hints, DISTINCT or ALL. */
function selectLength(nodes: readonly Node[], i: number): number {
  let length = 1;
  const hint = nodes[i + 1];
  if (hint !== undefined && !isPiece(hint) && hint.open.token.value === "/*+") length++;
  const quantifier = keywordOf(nodes[i + length]);
  return quantifier === "DISTINCT" || quantifier === "ALL" ? length + 1 : length;
}

/** `name AS`, `name (…) AS`. */
function startsItem(nodes: readonly Node[], i: number): boolean {
  const name = nodes[i];
  if (!isPiece(name) || name.keyword !== "" || name.token.kind === "operator") return false;
  const next = nodes[i + 1];
  return keywordOf(isPiece(next) ? next : nodes[i + 2]) === "AS";
}

function isDistinctFrom(nodes: readonly Node[], i: number): boolean {
  if (keywordOf(nodes[i - 1]) !== "DISTINCT") return false;
  const before = keywordOf(nodes[i - 2]);
  return before === "IS" || before === "NOT";
}

function joinLength(nodes: readonly Node[], i: number): number {
  let at = i;
  while (JOIN_WORDS.has(keywordOf(nodes[at]))) at++;
  return keywordOf(nodes[at]) === "JOIN" ? at - i + 1 : 0;
}
