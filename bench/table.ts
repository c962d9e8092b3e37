/** A text table: the first column to the left, the others to the right. */

export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]) =>
    widths
      .map((width, i) => (i === 0 ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  return `${[line(header), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n")}\n`;
}

export function decimals(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** 1234567 → 1,235 K */
export function thousands(value: number): string {
  return `${Math.round(value / 1000).toLocaleString("en-US")} K`;
}
