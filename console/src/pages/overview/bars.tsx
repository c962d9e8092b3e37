/** A bar plot of a result: one bar a name (the largest first), drawn from a common zero. */
import type { ResultColumn, Row } from "../../widgets/result-rows.ts";

/** More bars than this cannot be read. */
const MAX_BARS = 20;

export interface PlotColumns {
  readonly name: number;
  readonly value: number;
}

/** The first text column and the last DOUBLE one; a result without them, or with a time, is not plotted as bars. */
export function plotColumns(columns: readonly ResultColumn[]): PlotColumns | undefined {
  const name = columns.findIndex(({ type }) => type.startsWith("STRING"));
  const value = columns.findLastIndex(({ type }) => type.startsWith("DOUBLE"));
  const hasTime = columns.some(({ type }) => type.startsWith("TIMESTAMP"));
  return name < 0 || value < 0 || hasTime ? undefined : { name, value };
}

export function Bars(props: {
  columns: readonly ResultColumn[];
  rows: readonly Row[];
  plot: PlotColumns;
}) {
  const { name, value } = props.plot;
  const bars = props.rows
    .map((row) => ({ label: String(row[name]), value: Number(row[value]) }))
    .sort((a, b) => b.value - a.value);
  const shown =
    bars.length <= MAX_BARS ? bars : [...bars.slice(0, MAX_BARS - 5), ...bars.slice(-5)];
  const least = Math.min(0, ...shown.map((bar) => bar.value));
  const most = Math.max(0, ...shown.map((bar) => bar.value));
  const share = (amount: number) => `${(amount / Math.max(most - least, 1e-9)) * 100}%`;
  return (
    <figure style={{ margin: 0 }}>
      <figcaption className="muted">
        {props.columns[value]!.name} by {props.columns[name]!.name}
        {bars.length > MAX_BARS ? ` — the ${MAX_BARS - 5} largest and the 5 smallest` : ""}
      </figcaption>
      <div className="bars">
        {shown.map((bar) => (
          <BarRow
            key={bar.label}
            label={bar.label}
            value={bar.value}
            left={share(Math.min(bar.value, 0) - least)}
            width={share(Math.abs(bar.value))}
          />
        ))}
      </div>
    </figure>
  );
}

function BarRow(props: { label: string; value: number; left: string; width: string }) {
  return (
    <>
      <span>{props.label}</span>
      <div className="bar">
        <div
          className={props.value < 0 ? "early" : ""}
          style={{ left: props.left, width: props.width }}
        />
      </div>
      <span className="number">{props.value.toFixed(1)}</span>
    </>
  );
}
