/** Rows that are held outside the arena between two calls (operators/mini-batch/row-bundle.ts): copied one behind the other, 8-byte aligned. */
import { arenaAlloc } from "./arena.as";
import { viewAddress, viewLength } from "./row-set.as";

@inline
function aligned(bytes: u32): u32 {
  return (bytes + 7) & ~7;
}

/** Bytes that n rows (u64 views) take. */
export function bundleBytes(n: u32, views: usize): u32 {
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < n; i++) bytes += aligned(viewLength(load<u64>(views + (i << 3))));
  return bytes;
}

/** Copies n rows behind the first `used` bytes of a region; offsets u32[n] within it. */
export function bundleCopy(n: u32, views: usize, region: usize, used: u32, offsets: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const view = load<u64>(views + (i << 3));
    memory.copy(region + used, viewAddress(view), viewLength(view));
    store<u32>(offsets + (i << 2), used);
    used += aligned(viewLength(view));
  }
}

/** u32[n] addresses of rows at offsets within a region. */
export function bundleAddresses(n: u32, region: usize, offsets: usize): usize {
  const out = arenaAlloc(n << 2);
  for (let i: u32 = 0; i < n; i++) store<u32>(out + (i << 2), <u32>region + load<u32>(offsets + (i << 2)));
  return out;
}

/** Lists the rows (u32[n]) whose owner's byte in `chosen` is `wanted`. */
export function rowsOfOwners(n: u32, owners: usize, chosen: usize, wanted: u32, rows: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(rows + (count << 2), i);
    count += load<u8>(chosen + load<u32>(owners + (i << 2))) == <u8>wanted ? 1 : 0;
  }
  return count;
}

/**
 * One row for each of k owners: the first (`last` 0) or last, by times when they are given (i64, `width` apart): of equal
 * times the first or last to arrive. rows u32[k], in order of the owners.
 */
export function rowPerOwner(n: u32, owners: usize, k: u32, times: usize, width: u32, last: u32, rows: usize): void {
  memory.fill(rows, 0xff, k << 2);
  for (let i: u32 = 0; i < n; i++) {
    const at = rows + (load<u32>(owners + (i << 2)) << 2);
    const kept = load<u32>(at);
    if (kept != 0xffffffff) {
      if (times == 0) {
        if (!last) continue;
      } else {
        const time = load<i64>(times + <usize>(i * width));
        const before = load<i64>(times + <usize>(kept * width));
        if (last ? time < before : time >= before) continue;
      }
    }
    store<u32>(at, i);
  }
}
