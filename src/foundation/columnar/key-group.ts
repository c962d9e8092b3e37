/**
 * Key groups: the unit in which keyed state is partitioned and moved.
 *
 * keyGroup = (hash32 · maxParallelism) >> 32, so a key group is a range of the hash's top bits. Subtask `i` of `p` owns
 * the groups [start, end] of keyGroupRange(). Ranges: Flink KeyGroupRangeAssignment; the hash is our own.
 */
export interface KeyGroupRange {
  /** Inclusive. */
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

export const DEFAULT_MAX_PARALLELISM_LOWER = 128;
export const DEFAULT_MAX_PARALLELISM_UPPER = 32768;

export function defaultMaxParallelism(parallelism: number): number {
  const wanted = nextPowerOfTwo(parallelism + (parallelism >> 1));
  return Math.min(Math.max(wanted, DEFAULT_MAX_PARALLELISM_LOWER), DEFAULT_MAX_PARALLELISM_UPPER);
}

/** `hash` is the unsigned upper half of the 64-bit key hash. */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  return Math.floor(((hash >>> 0) * maxParallelism) / 4294967296);
}

export function keyGroupRange(
  maxParallelism: number,
  parallelism: number,
  subtask: number,
): KeyGroupRange {
  return {
    start: Math.floor((subtask * maxParallelism + parallelism - 1) / parallelism),
    end: Math.floor(((subtask + 1) * maxParallelism - 1) / parallelism),
  };
}

export function subtaskOfKeyGroup(
  keyGroup: number,
  maxParallelism: number,
  parallelism: number,
): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism);
}

function nextPowerOfTwo(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}
