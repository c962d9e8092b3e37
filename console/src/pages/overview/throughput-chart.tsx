/** Rows in and out per second over the last ten minutes; drawn anew when the colour scheme changes. */
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { MetricsSample } from "../../api-client/calls.ts";
import { rate } from "../../widgets/format.ts";

const HEIGHT = 260;

export function ThroughputChart({ samples }: { samples: readonly MetricsSample[] }) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const scheme = useComputedColorScheme();
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
      <div className="chart" ref={holder} aria-hidden="true" />
      <p className="muted" style={{ margin: 0 }}>
        {last === undefined
          ? "No sample yet."
          : `Now ${rate(last.rowsInPerSecond)} in and ${rate(last.rowsOutPerSecond)} out.`}
      </p>
    </>
  );
}

function chartOptions(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--ink2"), grid: { stroke: colour("--line"), width: 1 } };
  const value = (_: uPlot, raw: number | null) => (raw === null ? "—" : rate(raw));
  return {
    width,
    height: HEIGHT,
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [axis, { ...axis, size: 60 }],
    series: [
      {},
      { label: "in", stroke: colour("--accent"), width: 2, value },
      { label: "out", stroke: colour("--warn"), width: 2, dash: [6, 3], value },
    ],
  };
}
