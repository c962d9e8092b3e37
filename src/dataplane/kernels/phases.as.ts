/**
 * Phases: what a first half of an aggregation gives on, told apart by the length of a row's accumulator: 0 bytes = a row as it
 * came, 1 byte = a DISTINCT value of the set with that number, more = an accumulator.
 *
 * Flow:    operators/window-aggregate/phase-parts.ts → rowsOfPhase, accumulatedRows.
 */

/** Lists the rows of one kind (-2 rows, -1 accumulators, else values of that set); rows u32[n], views u64[n]. */
export function rowsOfPhase(n: u32, views: usize, part: i32, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const view = views + (<usize>i << 3);
    const length = load<u32>(view, 4);
    let is = length > 1;
    if (part == -2) is = length == 0;
    else if (part >= 0) is = length == 1 && <i32>load<u8>(<usize>load<u32>(view)) == part;
    store<u32>(rows + (count << 2), i);
    count += is ? 1 : 0;
  }
  return count;
}

/** How many rows are folded into accumulators: their first counter; of all n, or of those in rows (u32[n]). */
export function accumulatedRows(n: u32, views: usize, rows: usize): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const row = rows == 0 ? i : load<u32>(rows + (i << 2));
    sum += load<u64>(<usize>load<u32>(views + (<usize>row << 3)));
  }
  return sum;
}
