/**
 * runCase: one operator, a list of events and what it must emit: run straight, and once for every boundary between two
 * events with a snapshot and a restore there. Every boundary takes a snapshot (they are incremental), one is restored.
 */
import assert from "node:assert/strict";
import { type HarnessOptions, type HarnessRow, OperatorHarness } from "./operator-harness.ts";

export type HarnessEvent =
  | { readonly input: number; readonly rows: readonly HarnessRow[] }
  | { readonly watermark: number }
  | { readonly time: number }
  | { readonly end: true };

export interface OperatorCase extends HarnessOptions {
  readonly events: readonly HarnessEvent[];
  /** Per event what it emits, or all of it as one list. */
  readonly expected: readonly string[] | readonly (readonly string[])[];
  /** Compare what each event emits as a set (for operators whose order within an event is free). */
  readonly unordered?: boolean;
}

export const rows = (...list: readonly HarnessRow[]): HarnessEvent => ({ input: 0, rows: list });
export const left = rows;
export const right = (...list: readonly HarnessRow[]): HarnessEvent => ({ input: 1, rows: list });
export const watermark = (at: number): HarnessEvent => ({ watermark: at });
export const time = (at: number): HarnessEvent => ({ time: at });
export const end: HarnessEvent = { end: true };

export function runCase(options: OperatorCase): void {
  for (let restoreAt = 0; restoreAt < options.events.length; restoreAt++) {
    const emitted = runEvents(options, restoreAt);
    const what = restoreAt === 0 ? "run straight" : `restored before event ${restoreAt}`;
    const nested = options.expected.some((item) => Array.isArray(item));
    const actual = nested ? emitted : emitted.flat();
    assert.deepEqual(order(actual, options), order(options.expected, options), what);
  }
}

/** What each event emits; `restoreAt` 0 = no restore. */
export function runEvents(
  options: HarnessOptions & Pick<OperatorCase, "events">,
  restoreAt = 0,
): string[][] {
  let harness = new OperatorHarness(options);
  const emitted: string[][] = [];
  options.events.forEach((event, index) => {
    if (restoreAt > 0 && index > 0 && index <= restoreAt) {
      const snapshot = harness.snapshot();
      assert.deepEqual(harness.take(), [], "emitted by prepareSnapshot");
      if (index === restoreAt) {
        harness.close();
        harness = new OperatorHarness(options, snapshot);
      }
    }
    apply(harness, event);
    emitted.push(harness.take());
  });
  harness.close();
  return emitted;
}

function apply(harness: OperatorHarness, event: HarnessEvent): void {
  if ("rows" in event) harness.rows(event.input, event.rows);
  else if ("watermark" in event) harness.watermark(event.watermark);
  else if ("time" in event) harness.time(event.time);
  else harness.end();
}

function order(list: readonly unknown[], { unordered }: OperatorCase): readonly unknown[] {
  if (unordered !== true) return list;
  return list.some(Array.isArray)
    ? list.map((item) => (item as readonly string[]).toSorted())
    : list.toSorted();
}
