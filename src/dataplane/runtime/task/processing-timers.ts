/**
 * ProcessingTimers: the processing-time timers of one subtask's operators, in one heap with one
 *                   timer of the Env.
 *
 * Flow:    operator.registerProcessingTimer → here → (Env's timer wakes the worker) → subtask.step
 *          → operator.onProcessingTime.
 * Rules:   not before its time by the wall clock, in order of time, then of registration; the same
 *          time asked for twice by one operator fires once.
 */
import type { Clock, Timers } from "../../../foundation/host/env.ts";

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly owner: number;
}

export class ProcessingTimers {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #wake: () => void;
  readonly #heap: Entry[] = [];
  readonly #known = new Set<string>();
  #order = 0;
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, timers: Timers, wake: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#wake = wake;
  }

  register(owner: number, time: number): void {
    const key = `${owner}:${time}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    push(this.#heap, { time, owner, order: this.#order++ });
    this.#arm();
  }

  /** Takes the next timer that is due now, if there is one. */
  takeDue(): { readonly owner: number; readonly time: number } | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    if (first.time > this.#clock.nowMs()) {
      this.#arm();
      return undefined;
    }
    pop(this.#heap);
    this.#known.delete(`${first.owner}:${first.time}`);
    return first;
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#heap.length = 0;
    this.#known.clear();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || (this.#cancel !== undefined && this.#armedFor <= first.time)) return;
    this.#cancel?.();
    this.#armedFor = first.time;
    this.#cancel = this.#timers.after(Math.max(0, first.time - this.#clock.nowMs()), () => {
      this.#cancel = undefined;
      this.#wake();
    });
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const up = (at - 1) >> 1;
    if (!before(entry, heap[up]!)) break;
    heap[at] = heap[up]!;
    at = up;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
