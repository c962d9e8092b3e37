/**
 * Random chains of INNER and LEFT joins over one key or two: what MultiJoin takes, and what it must leave to other joins: inputs
 * with and without a unique key, conditions beside the key, keys that only some inputs share, a filter or groups on top.
 */
import type { Random } from "../sql-grammar.ts";

/** Relations of (k, j, v), all BIGINT; those that group have unique keys, and change. */
const INPUTS = [
  "SELECT a1 AS k, a2 AS j, a2 AS v FROM a",
  "SELECT b1 AS k, b1 + 1 AS j, b1 AS v FROM b",
  "SELECT c1 AS k, c2 AS j, c2 AS v FROM c",
  "SELECT a1 AS k, MAX(a2) AS j, COUNT(*) AS v FROM a GROUP BY a1",
  "SELECT c1 AS k, c2 AS j, COUNT(*) AS v FROM c GROUP BY c1, c2",
  "SELECT DISTINCT b1 AS k, b1 AS j, b1 AS v FROM b",
  "SELECT a2 AS k, a1 AS j, SUM(a1) AS v FROM a GROUP BY a1, a2",
] as const;
const MOST_INPUTS = 5;

export function joinChain(next: Random): string {
  const count = 2 + next(MOST_INPUTS - 1);
  const parts = [`(${INPUTS[next(INPUTS.length)]}) AS x0`];
  for (let i = 1; i < count; i++) {
    const type = next(2) === 0 ? "LEFT JOIN" : "JOIN";
    parts.push(`${type} (${INPUTS[next(INPUTS.length)]}) AS x${i} ON ${condition(next, i)}`);
  }
  const columns = Array.from({ length: count }, (_, i) => `x${i}.k AS k${i}, x${i}.v AS v${i}`);
  const filter = next(4) === 0 ? ` WHERE x${next(count)}.v > ${next(4) - 1}` : "";
  const chain = `SELECT ${columns.join(", ")} FROM ${parts.join(" ")}${filter}`;
  if (next(5) > 0) return chain;
  return `SELECT k0, COUNT(*) AS n, COUNT(v${count - 1}) AS m FROM (${chain}) AS y GROUP BY k0`;
}

function condition(next: Random, input: number): string {
  const other = () => `x${next(input)}`;
  const own = `x${input}`;
  const parts = [next(12) === 0 ? `${other()}.j = ${own}.k` : `${other()}.k = ${own}.k`];
  if (next(4) === 0) parts.push(`${own}.j = ${other()}.j`);
  if (next(3) === 0) parts.push(`${other()}.v ${["<", ">=", "<>"][next(3)]} ${own}.v`);
  if (next(6) === 0) parts.push(`${own}.v > ${next(3)}`);
  if (next(10) === 0) parts.push(`${other()}.v IS NOT NULL`);
  return parts.join(" AND ");
}
