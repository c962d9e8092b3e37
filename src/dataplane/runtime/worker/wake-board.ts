/**
 * WakeBoard: how one worker wakes another that has nothing to do: after writing into a ring, or
 *            making room in one.
 *
 * Threads: one i32 a worker in shared memory, 1 while it is parked. The sleeper sets it, looks once
 *          more for work, and waits with Atomics.waitAsync (its event loop goes on serving timers
 *          and I/O); who has news sets it to 0 and notifies. Only the one that changed 1 to 0
 *          notifies.
 * Inline:  a call.
 */
export interface WakeBoard {
  /** Wakes the worker if it is parked. */
  signal(worker: number): void;
  /** Says that the worker is about to sleep; it must look for work once more before it does. */
  arm(worker: number): void;
  /** Calls back once when the worker is signalled after arm(). */
  wait(worker: number, wake: () => void): void;
  /** Signals reach a worker only through wait(): false when a call suffices. */
  readonly needsSecondLook: boolean;
}

export class InlineWakeBoard implements WakeBoard {
  readonly needsSecondLook = false;
  readonly #wakes = new Map<number, () => void>();

  register(worker: number, wake: () => void): void {
    this.#wakes.set(worker, wake);
  }

  signal(worker: number): void {
    this.#wakes.get(worker)?.();
  }

  arm(): void {}

  wait(worker: number, wake: () => void): void {
    this.#wakes.set(worker, wake);
  }
}

export class SharedWakeBoard implements WakeBoard {
  readonly needsSecondLook = true;
  readonly #parked: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#parked = new Int32Array(memory);
  }

  static allocate(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * workers);
  }

  signal(worker: number): void {
    if (Atomics.exchange(this.#parked, worker, 0) === 1) Atomics.notify(this.#parked, worker);
  }

  arm(worker: number): void {
    Atomics.store(this.#parked, worker, 1);
  }

  wait(worker: number, wake: () => void): void {
    const waiting = Atomics.waitAsync(this.#parked, worker, 1);
    if (!waiting.async) {
      wake();
      return;
    }
    // The wait has no failing outcome; "timed-out" cannot happen without a time-out.
    void waiting.value.then(wake);
  }
}
