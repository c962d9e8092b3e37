/**
 * Options `partition.fields.#.date-formatter` of materialized tables in full: a refresh by the clock then replaces one partition,
 * that of its time less the freshness.
 *
 * Flow:    CREATE MATERIALIZED TABLE, ALTER … SET → here, away from the connector's options → the platform's schedule.
 * Limits:  the letters y M d H m s of Java's DateTimeFormatter, texts in quotes, and what is no letter.
 * Source:  Flink MaterializedTableConfigOptions, MaterializedTableManager.getPeriodRefreshPartition. Errors: MR2128, MR2126.
 */
import { zoneOffsetMs } from "../../../foundation/columnar/value-text.ts";
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";

const KEY = /^partition\.fields\.(.+)\.date-formatter$/;

/** The patterns by partition column, and the options without them. */
export function takePartitionFormats(table: ResolvedTable): {
  readonly options: Readonly<Record<string, string>>;
  readonly formats: Readonly<Record<string, string>>;
} {
  const options: Record<string, string> = {};
  const formats: Record<string, string> = {};
  for (const [key, value] of Object.entries(table.options)) {
    const column = KEY.exec(key)?.[1];
    if (column === undefined) {
      options[key] = value;
      continue;
    }
    checkColumn(table, column, key);
    if (pieces(value) === undefined)
      throw validateErrors.OPTION_VALUE({ key, value, expected: "a pattern such as yyyy-MM-dd" });
    formats[column] = value;
  }
  return { options, formats };
}

export function formatOptions(formats: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(formats).map(([column, pattern]) => [
    `partition.fields.${column}.date-formatter`,
    pattern,
  ]);
  return Object.fromEntries(named);
}

function checkColumn(table: ResolvedTable, column: string, key: string): void {
  const refused = (message: string) =>
    validateErrors.STATEMENT_INVALID({
      message,
      remedy: "Name a STRING column of PARTITIONED BY.",
    });
  if (!table.partitionKeys.includes(column))
    throw refused(
      `Column '${column}' referenced by materialized table option '${key}' isn't a partition column. Available partition columns: [${table.partitionKeys.join(", ")}].`,
    );
  const found = table.columns.find(({ name }) => name === column);
  const kind = found?.kind === "physical" ? found.type.kind : undefined;
  if (kind !== "VARCHAR" && kind !== "CHAR")
    throw refused(
      `Materialized table option '${key}' only supports referring to char, varchar and string type partition column. Column ${column} type is ${kind}.`,
    );
}

/** `atMs` as the pattern has it, in a time zone. */
export function formatTime(pattern: string, atMs: number, timeZone: string): string {
  const wall = new Date(atMs + zoneOffsetMs(atMs, timeZone));
  const values: Readonly<Record<string, number>> = {
    y: wall.getUTCFullYear(),
    M: wall.getUTCMonth() + 1,
    d: wall.getUTCDate(),
    H: wall.getUTCHours(),
    m: wall.getUTCMinutes(),
    s: wall.getUTCSeconds(),
  };
  return (pieces(pattern) ?? [])
    .map((piece) => {
      if ("text" in piece) return piece.text;
      const value = values[piece.letters[0]!]!;
      if (piece.letters === "yy") return String(value % 100).padStart(2, "0");
      return String(value).padStart(piece.letters.length, "0");
    })
    .join("");
}

type Piece = { readonly text: string } | { readonly letters: string };

/** Undefined: it holds a letter that stands for nothing here. */
function pieces(pattern: string): Piece[] | undefined {
  const found: Piece[] = [];
  for (let at = 0; at < pattern.length; ) {
    const run = /^([A-Za-z])\1*/.exec(pattern.slice(at))?.[0];
    if (run !== undefined) {
      if (!KNOWN.has(run)) return undefined;
      found.push({ letters: run });
      at += run.length;
      continue;
    }
    const quoted = /^'((?:[^']|'')*)'/.exec(pattern.slice(at));
    if (quoted === null && pattern[at] === "'") return undefined;
    found.push({ text: quoted === null ? pattern[at]! : quoted[1]!.replaceAll("''", "'") || "'" });
    at += quoted?.[0].length ?? 1;
  }
  return found;
}

const KNOWN: ReadonlySet<string> = new Set([
  "yyyy",
  "yy",
  "MM",
  "M",
  "dd",
  "d",
  "HH",
  "H",
  "mm",
  "m",
  "ss",
  "s",
]);
