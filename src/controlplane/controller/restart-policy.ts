/**
 * When the platform starts a job again whose process died: exponential delay, as Flink's `exponential-delay` strategy.
 *
 * A decision is a pure function of the deaths so far. Failures inside a job are the job master's affair (its own
 * restart strategy); this is for the death of the process itself.
 * Source: Flink restart-strategy.exponential-delay.* defaults.
 */
export const INITIAL_BACKOFF_MS = 1000;
export const MAX_BACKOFF_MS = 60_000;
export const BACKOFF_MULTIPLIER = 1.5;
/** A job that ran this long without dying starts over at INITIAL_BACKOFF_MS. */
export const RESET_THRESHOLD_MS = 60 * 60 * 1000;

/** Milliseconds to wait before the next start; `deaths` are epoch ms, oldest first, the last one just happened. */
export function restartDelayMs(deaths: readonly number[]): number {
  let delay = INITIAL_BACKOFF_MS;
  for (let i = 1; i < deaths.length; i++) {
    const quiet = deaths[i]! - deaths[i - 1]! >= RESET_THRESHOLD_MS;
    delay = quiet ? INITIAL_BACKOFF_MS : Math.min(delay * BACKOFF_MULTIPLIER, MAX_BACKOFF_MS);
  }
  return delay;
}
