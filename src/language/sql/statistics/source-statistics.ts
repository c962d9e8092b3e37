/** How many rows a table has whose options say it: generators that count. */
import type { StatisticsSubject, TableStatistics } from "./table-statistics.ts";

export function optionStatistics({ options }: StatisticsSubject): TableStatistics | undefined {
  const count =
    options.connector === "datagen"
      ? options["number-of-rows"]
      : options.connector === "nexmark"
        ? options["events.num"]
        : undefined;
  const rowCount = Number(count ?? 0);
  return Number.isFinite(rowCount) && rowCount > 0 ? { rowCount, columns: {} } : undefined;
}
