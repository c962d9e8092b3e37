/**
 * runCase: one operator, a list of events and what it must emit: run straight, and once for every boundary between two
 * events with a snapshot and a restore there. Every boundary takes a snapshot (they are incremental), one is restored.
 * Every other run keeps no page of state in memory between calls (all runs with MILLRACE_SPILL=1).
 * With `rescaleBy` the restore is also one into two subtasks, which share the rows by those fields.
 */
import assert from "node:assert/strict";
import { type HarnessOptions, type HarnessRow, OperatorHarness } from "./operator-harness.ts";

export type HarnessEvent =
  | { readonly input: number; readonly rows: readonly HarnessRow[] }
  | { readonly watermark: number; readonly ofInput?: number }
  | { readonly time: number }
  | { readonly end: true };

export interface OperatorCase extends HarnessOptions {
  readonly events: readonly HarnessEvent[];
  /** Per event what it emits, or all of it as one list. */
  readonly expected: readonly string[] | readonly (readonly string[])[];
  /** Compare what each event emits as a set (for operators whose order within an event is free). */
  readonly unordered?: boolean;
  /** False: only run straight (what depends on watermarks or a clock that a restore sets anew). */
  readonly restore?: false;
  /** Fields by which rows are distributed: every restore is also made with two subtasks, compared as sets. */
  readonly rescaleBy?: readonly number[];
}

export const rows = (...list: readonly HarnessRow[]): HarnessEvent => ({ input: 0, rows: list });
export const left = rows;
export const right = (...list: readonly HarnessRow[]): HarnessEvent => ({ input: 1, rows: list });
export const watermark = (at: number): HarnessEvent => ({ watermark: at });
export const inputWatermark = (ofInput: number, at: number): HarnessEvent => ({
  watermark: at,
  ofInput,
});
export const time = (at: number): HarnessEvent => ({ time: at });
export const end: HarnessEvent = { end: true };

export function runCase(options: OperatorCase): void {
  const boundaries = options.restore === false ? 1 : options.events.length;
  for (let run = -1; run < boundaries; run++) {
    const restoreAt = Math.max(0, run);
    const spill = run % 2 !== 0 || process.env["MILLRACE_SPILL"] === "1";
    const emitted = runEvents({ ...options, spill }, restoreAt);
    const how = restoreAt === 0 ? "run straight" : `restored before event ${restoreAt}`;
    const what = spill ? `${how}, spilled` : how;
    const nested = options.expected.some((item) => Array.isArray(item));
    const actual = nested ? emitted : emitted.flat();
    assert.deepEqual(order(actual, options), order(options.expected, options), what);
    if (restoreAt === 0 || options.rescaleBy === undefined) continue;
    const rescaled = runEvents({ ...options, spill: !spill }, restoreAt, 2);
    const sets = { ...options, unordered: true };
    assert.deepEqual(
      order(nested ? rescaled : rescaled.flat(), sets),
      order(options.expected, sets),
      `${what} with two subtasks`,
    );
  }
}

/** What each event emits; `restoreAt` 0 = no restore; else from there on with `parallelism` subtasks. */
export function runEvents(
  options: HarnessOptions & Pick<OperatorCase, "events" | "rescaleBy">,
  restoreAt = 0,
  parallelism = 1,
): string[][] {
  let subtasks = [new OperatorHarness(options)];
  const emitted: string[][] = [];
  options.events.forEach((event, index) => {
    if (restoreAt > 0 && index > 0 && index <= restoreAt) {
      const [first] = subtasks as [OperatorHarness];
      const snapshot = first.snapshot();
      assert.deepEqual(first.take(), [], "emitted by prepareSnapshot");
      if (index === restoreAt) {
        first.close();
        subtasks = Array.from({ length: parallelism }, (_, at) => {
          const subtask = { index: at, parallelism };
          const keys = options.rescaleBy ?? [];
          return new OperatorHarness(
            parallelism === 1 ? options : { ...options, subtask, keys },
            snapshot,
          );
        });
      }
    }
    const all = subtasks.map((harness) => {
      apply(harness, event);
      return harness.take();
    });
    emitted.push(all.flatMap((list, at) => (at === 0 ? list : list.filter(isRow))));
  });
  for (const harness of subtasks) harness.close();
  return emitted;
}

/** Watermarks of all subtasks are one. */
const isRow = (text: string): boolean => !text.startsWith("watermark");

function apply(harness: OperatorHarness, event: HarnessEvent): void {
  if ("rows" in event) harness.rows(event.input, event.rows);
  else if ("watermark" in event) harness.watermark(event.watermark, event.ofInput);
  else if ("time" in event) harness.time(event.time);
  else harness.end();
}

function order(list: readonly unknown[], { unordered }: OperatorCase): readonly unknown[] {
  if (unordered !== true) return list;
  return list.some(Array.isArray)
    ? list.map((item) => (item as readonly string[]).toSorted())
    : list.toSorted();
}
