/** Rows and tables of hostile cases: every kind of key, rows late and ages ahead, changes of rows that were never seen. */
import type { HostileTable } from "./hostile-run.ts";

export const NAN = { $double: "NaN" };
export const ZERO = { $double: "-0.0" };
export const AGES = 4_000_000_000;
/** The last second that a TIMESTAMP(3) has. */
export const END = 253_402_300_799;
export const ALL = "I,UA,UB,D";
/** A row brings the watermark behind it. */
export const TIME = "ts TIMESTAMP(3), w TIMESTAMP(3), WATERMARK FOR ts AS w";

const at = (second: number) => ({ $timestamp: new Date(second * 1000).toISOString().slice(0, 19) });
export const add = (...row: readonly unknown[]) => ({ row });
export const change = (kind: string, ...row: readonly unknown[]) => ({ kind, row });
export const take = (...row: readonly unknown[]) => change("-D", ...row);
/** The times of a row: its own, and up to which everything is late behind it. */
export const times = (second: number, watermark = 0) => [at(second), at(watermark)];

/** NaN, NULL and both zeros as keys, a watermark that jumps by ages and to the end; times in seconds. */
export const timed = (first: number, zero: unknown = ZERO): HostileTable => ({
  columns: `id INT, k DOUBLE, ${TIME}`,
  events: [
    add(first, NAN, ...times(1)),
    add(first + 1, null, ...times(2)),
    add(first + 2, zero, ...times(3, 60)),
    add(first + 3, 7, ...times(AGES, END)),
  ],
});
/** Rows of each kind of key, twice, in two windows; 7 and 8 are behind the watermark that 6 brings, and are dropped. */
export const late: HostileTable = {
  columns: `id INT, k DOUBLE, ${TIME}`,
  batchRows: 6,
  events: [
    add(1, NAN, ...times(1)),
    add(2, NAN, ...times(2)),
    add(3, null, ...times(3)),
    add(4, null, ...times(4)),
    add(5, ZERO, ...times(5)),
    add(6, 0, ...times(6, 60)),
    add(7, NAN, ...times(1, 61)),
    add(8, null, ...times(3, 61)),
    add(9, NAN, ...times(AGES, END)),
  ],
};
/** The savepoint is behind the late rows: where a watermark stands is no state, in Flink neither. */
export const LATE_CUT = 8 / 9;
export const WINDOW = "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)";
/** A row twice, one never seen taken back, one of the two taken back, one changed. */
export const changed: HostileTable = {
  columns: "id INT, k DOUBLE, v INT",
  mode: ALL,
  events: [
    take(9, NAN, 1),
    add(1, NAN, 10),
    add(1, NAN, 10),
    take(8, null, 5),
    add(2, null, 20),
    take(1, NAN, 10),
    change("-U", 2, null, 20),
    change("+U", 2, null, 21),
    add(3, ZERO, 30),
    add(4, 0, 40),
    take(7, 0, 30),
  ],
};
export const other: HostileTable = {
  columns: "id INT, k DOUBLE, v INT",
  mode: ALL,
  events: [add(11, NAN, 1), add(12, null, 2), take(13, NAN, 3), add(14, 0, 4)],
};
