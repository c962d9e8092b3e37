/** Rows in and out per second over the last ten minutes; drawn anew when the colour scheme changes. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { MetricsSample } from "../../api-client/calls.ts";
import { tokenColour, useShownScheme } from "../../theme/colour-scheme.ts";
import { rate } from "../../widgets/format.ts";

const HEIGHT = 380;

/** A line needs two points. */
const MIN_SAMPLES = 2;

export function ThroughputChart({ samples }: { samples: readonly MetricsSample[] }) {
  if (samples.length < MIN_SAMPLES) {
    return <p className="muted empty">A running job is measured once a second: nothing yet.</p>;
  }
  return <Chart samples={samples} />;
}

function Chart({ samples }: { samples: readonly MetricsSample[] }) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const scheme = useShownScheme();
  const data = useRef<uPlot.AlignedData>([[], [], []]);
  data.current = [
    samples.map(({ at }) => at / 1000),
    samples.map(({ rowsInPerSecond }) => rowsInPerSecond),
    samples.map(({ rowsOutPerSecond }) => rowsOutPerSecond),
  ];
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme decides the colours that are read
  useEffect(() => {
    const element = holder.current!;
    const made = new uPlot(chartOptions(element.clientWidth), data.current, element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [scheme]);
  useEffect(() => plot.current?.setData(data.current));
  const last = samples.at(-1);
  return (
    <>
      <p className="legend">
        <span className="legend-in" aria-hidden="true" /> in {rate(last?.rowsInPerSecond)}
        <span className="legend-out" aria-hidden="true" /> out {rate(last?.rowsOutPerSecond)}
      </p>
      <div className="chart" ref={holder} aria-hidden="true" />
    </>
  );
}

function chartOptions(width: number): uPlot.Options {
  const axis = {
    stroke: tokenColour("--ink2"),
    grid: { stroke: tokenColour("--line"), width: 1 },
    ticks: { stroke: tokenColour("--line"), width: 1 },
  };
  const clock = (_: uPlot, seconds: number[]) =>
    seconds.map((at) => new Date(at * 1000).toTimeString().slice(0, 8));
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      { ...axis, values: clock, space: 80 },
      { ...axis, size: 56 },
    ],
    series: [
      {},
      { stroke: tokenColour("--accent"), width: 2, points: { show: false } },
      { stroke: tokenColour("--warn"), width: 2, dash: [6, 3], points: { show: false } },
    ],
  };
}
