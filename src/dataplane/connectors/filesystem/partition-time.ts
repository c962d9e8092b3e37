/**
 * The time of a partition, from the texts of its columns.
 *
 * Example: dt=2024-01-01, hour=07 with the pattern `$dt $hour:00:00` → 2024-01-01 07:00:00
 * Rules:   one letter takes one or two digits (a year up to nine), several take as many; without a formatter one each.
 * Errors:  MR3021 a text that is no time.
 * Source:  Flink DefaultPartTimeExtractor; formatter letters of DateTimeFormatter: y M d H m s S, 'quoted' text.
 */
import { connectorErrors } from "../errors.ts";

/** Milliseconds of the wall clock, read as UTC. */
export function parsePartitionTime(
  columns: readonly (readonly [name: string, text: string])[],
  options: { readonly pattern: string | undefined; readonly formatter: string | undefined },
): number {
  const { pattern, formatter } = options;
  const text =
    pattern === undefined
      ? (columns[0]?.[1] ?? "")
      : pattern.replace(
          /\$(\w+)/g,
          (whole, name: string) => columns.find(([column]) => column === name)?.[1] ?? whole,
        );
  const formats = formatter === undefined ? ["y-M-d H:m:s", "y-M-d"] : [formatter];
  for (const format of formats) {
    const millis = parse(text, format);
    if (millis !== undefined) return millis;
  }
  throw connectorErrors.PARTITION_TIME({ expected: formats.join(" or ") });
}

const LETTERS = "yMdHmsS";

function parse(text: string, format: string): number | undefined {
  const parts = format.match(/'[^']*'|y+|u+|M+|d+|H+|m+|s+|S+|[^'yuMdHmsS]+/g) ?? [];
  const letters: string[] = [];
  const source = parts.map((part) => {
    const letter = part[0] === "u" ? "y" : part[0]!;
    if (!LETTERS.includes(letter)) return RegExp.escape(part.replaceAll("'", ""));
    letters.push(letter);
    if (part.length > 1) return `(\\d{${part.length}})`;
    return letter === "y" ? "(\\d{1,9})" : "(\\d{1,2})";
  });
  const match = new RegExp(`^${source.join("")}$`).exec(text);
  if (match === null) return undefined;
  const of = (letter: string, otherwise: number) => {
    const at = letters.indexOf(letter);
    return at < 0 ? otherwise : Number(match[at + 1]);
  };
  const [year, month, day] = [of("y", 1970), of("M", 1), of("d", 1)];
  const [hour, minute, second] = [of("H", 0), of("m", 0), of("s", 0)];
  const fraction = letters.includes("S")
    ? Number((match[letters.indexOf("S") + 1] ?? "").padEnd(3, "0").slice(0, 3))
    : 0;
  const millis = Date.UTC(year, month - 1, day, hour, minute, second, fraction);
  const back = new Date(millis);
  const whole = back.getUTCMonth() === month - 1 && back.getUTCDate() === day;
  return whole && hour < 24 && minute < 60 && second < 60 ? millis : undefined;
}
