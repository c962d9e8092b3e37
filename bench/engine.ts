/** What the benchmarks need of an engine: run a script to its end, and say what it cost. */
import type { Cost } from "./cpu.ts";

export interface Engine {
  readonly name: string;
  /** Set-up, for the reader of a figure. */
  describe(): string;
  /** Runs a script whose last statement is the INSERT that is measured. */
  run(script: string, parallelism: number): Promise<Cost>;
  stop(): Promise<void>;
}
