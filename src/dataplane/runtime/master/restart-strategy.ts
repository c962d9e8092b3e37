/**
 * Restart strategies: whether and when a failed job starts again. Deciding only; the job master
 * waits and starts.
 *
 * Source:  Flink FixedDelayRestartBackoffTimeStrategy, FailureRateRestartBackoffTimeStrategy,
 *          ExponentialDelayRestartBackoffTimeStrategy.
 */
import type { Random } from "../../../foundation/host/env.ts";
import type { RestartOptions } from "../options.ts";

export interface RestartStrategy {
  /** Milliseconds until the restart; undefined = the job has failed for good. */
  onFailure(nowMs: number): number | undefined;
  /** For the message when it gives up, as Flink names it. */
  readonly description: string;
}

export function restartStrategy(options: RestartOptions, random: Random): RestartStrategy {
  switch (options.kind) {
    case "none":
      return { description: "NoRestartBackoffTimeStrategy", onFailure: () => undefined };
    case "fixed-delay":
      return fixedDelay(options);
    case "failure-rate":
      return failureRate(options);
    case "exponential-delay":
      return exponentialDelay(options, random);
  }
}

function fixedDelay(options: Extract<RestartOptions, { kind: "fixed-delay" }>): RestartStrategy {
  const { attempts, delayMs } = options;
  let failures = 0;
  return {
    description:
      `FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=${attempts}, ` +
      `backoffTimeMS=${delayMs})`,
    onFailure: () => (++failures > attempts ? undefined : delayMs),
  };
}

function failureRate(options: Extract<RestartOptions, { kind: "failure-rate" }>): RestartStrategy {
  const { maxFailures, intervalMs, delayMs } = options;
  let failures: number[] = [];
  return {
    description:
      `FailureRateRestartBackoffTimeStrategy(failuresIntervalMS=${intervalMs},` +
      `backoffTimeMS=${delayMs},maxFailuresPerInterval=${maxFailures})`,
    onFailure: (nowMs) => {
      failures = failures.filter((at) => nowMs - at <= intervalMs);
      failures.push(nowMs);
      return failures.length > maxFailures ? undefined : delayMs;
    },
  };
}

function exponentialDelay(
  options: Extract<RestartOptions, { kind: "exponential-delay" }>,
  random: Random,
): RestartStrategy {
  const { initialMs, maxMs, multiplier, resetMs, jitter, attempts } = options;
  let backoffMs = initialMs;
  let inRow = 0;
  /** When the last restart was to begin. */
  let restartedMs: number | undefined;
  return {
    description:
      `ExponentialDelayRestartBackoffTimeStrategy(initialBackoffMS=${initialMs}, ` +
      `maxBackoffMS=${maxMs}, backoffMultiplier=${multiplier}, ` +
      `resetBackoffThresholdMS=${resetMs}, jitterFactor=${jitter})`,
    onFailure: (nowMs) => {
      if (restartedMs === undefined || nowMs - restartedMs >= resetMs) {
        backoffMs = initialMs;
        inRow = 0;
      } else backoffMs = Math.min(maxMs, backoffMs * multiplier);
      inRow++;
      if (inRow > attempts) return undefined;
      const spread = backoffMs * jitter * ((random.u32() / 4294967295) * 2 - 1);
      const delayMs = Math.min(maxMs, Math.max(0, Math.round(backoffMs + spread)));
      restartedMs = nowMs + delayMs;
      return delayMs;
    },
  };
}
