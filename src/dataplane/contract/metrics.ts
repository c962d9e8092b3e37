/** Metrics under Flink's names, counted without allocation. Source: Flink MetricNames. */
export interface Counter {
  value: number;
}

export interface MetricGroup {
  /** The counter of this name, made on first use: numRecordsIn, numRecordsOut, numLateRecordsDropped … */
  counter(name: string): Counter;
  /** A value asked for when metrics are reported. */
  gauge(name: string, read: () => number): void;
}
