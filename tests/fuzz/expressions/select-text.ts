/** The SELECT that evaluates a batch of cases, in Flink's SQL: the row's number or group first. */
import type { FuzzCase } from "./fuzz-expression.ts";

export function selectOf(cases: readonly FuzzCase[], toText = false): string {
  const grouped = cases[0]!.grouped;
  const columns = cases.map(({ flink }, i) =>
    toText ? `CAST(${flink} AS STRING) AS e${i}` : `${flink} AS e${i}`,
  );
  const key = grouped ? "g" : "k";
  return `SELECT ${[key, ...columns].join(", ")} FROM t${grouped ? " GROUP BY g" : ""}`;
}
