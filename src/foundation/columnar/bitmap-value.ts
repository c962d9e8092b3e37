/**
 * BITMAP: a set of unsigned 32-bit integers. In batches and in BYTES it is the portable format of
 * RoaringBitmap; in between it is a list of ranges, so that sets of many neighbours stay small and
 * every operation is one merge.
 *
 * Format:  cookie, containers by the upper 16 bits, offsets; each container is the smallest of
 *          sorted u16 values, 1,024 words of 64 bits, and runs, so that equal sets are equal bytes.
 * Errors:  BitmapFormatError for bytes that are none; the caller names it.
 * Source:  RoaringFormatSpec; RoaringBitmap.toString, runOptimize.
 */

/** Pairs of first and last value, ascending, neither touching nor overlapping. */
export type Bitmap = readonly number[];

export class BitmapFormatError extends Error {}

const NO_RUNS = 12346;
const WITH_RUNS = 12347;
/** With runs, fewer containers than this have no offsets. */
const MIN_OFFSETS = 4;
const MOST_VALUES = 4096;
const WORD_BYTES = 8192;

/** Numbers of any order, with doubles; negative ones count as unsigned. */
export function bitmapOf(values: Iterable<number>): Bitmap {
  const sorted = Uint32Array.from(values).sort();
  const ranges: number[] = [];
  for (const value of sorted) push(ranges, value, value);
  return ranges;
}

/** Adds a range behind all others. */
function push(ranges: number[], first: number, last: number): void {
  const end = ranges.at(-1);
  if (end === undefined || first > end + 1) ranges.push(first, last);
  else if (last > end) ranges[ranges.length - 1] = last;
}

export function cardinality(bitmap: Bitmap): number {
  let count = 0;
  for (let i = 0; i < bitmap.length; i += 2) count += bitmap[i + 1]! - bitmap[i]! + 1;
  return count;
}

export function* bitmapValues(bitmap: Bitmap): Generator<number> {
  for (let i = 0; i < bitmap.length; i += 2) {
    for (let value = bitmap[i]!; value <= bitmap[i + 1]!; value++) yield value;
  }
}

/** The values for which `keep` holds of "in a" and "in b"; keep(false, false) is false. */
export function combine(
  a: Bitmap,
  b: Bitmap,
  keep: (inA: boolean, inB: boolean) => boolean,
): Bitmap {
  const ranges: number[] = [];
  // Index of the next edge; odd: within a range. An edge behind a range is its last value + 1.
  let [i, j] = [0, 0];
  const edge = (list: Bitmap, index: number) =>
    index < list.length ? list[index]! + (index % 2) : Number.POSITIVE_INFINITY;
  let from = 0;
  for (;;) {
    const at = Math.min(edge(a, i), edge(b, j));
    if (at > from && keep(i % 2 === 1, j % 2 === 1)) push(ranges, from, at - 1);
    if (at === Number.POSITIVE_INFINITY) return ranges;
    if (edge(a, i) === at) i++;
    if (edge(b, j) === at) j++;
    from = at;
  }
}

/** `{1,2,3}`, cut with `...` after 524,288 characters. */
export function bitmapText(bitmap: Bitmap): string {
  let text = "{";
  for (const value of bitmapValues(bitmap)) {
    if (text.length > 1) text += ",";
    if (text.length > 0x80000) return `${text}...}`;
    text += value;
  }
  return `${text}}`;
}

interface Container {
  readonly key: number;
  /** Ranges within the container. */
  readonly ranges: readonly number[];
}

function containersOf(bitmap: Bitmap): Container[] {
  const containers: { key: number; ranges: number[] }[] = [];
  for (let i = 0; i < bitmap.length; i += 2) {
    const [first, last] = [bitmap[i]!, bitmap[i + 1]!];
    for (let key = first >>> 16; key <= last >>> 16; key++) {
      if (containers.at(-1)?.key !== key) containers.push({ key, ranges: [] });
      const base = key * 65536;
      containers.at(-1)!.ranges.push(Math.max(first - base, 0), Math.min(last - base, 65535));
    }
  }
  return containers;
}

const plainBytes = (count: number) => (count <= MOST_VALUES ? count * 2 : WORD_BYTES);
const runBytes = ({ ranges }: Container) => 2 + ranges.length * 2;
const asRuns = (container: Container) =>
  runBytes(container) < plainBytes(cardinality(container.ranges));

export function encodeBitmap(bitmap: Bitmap): Uint8Array {
  const containers = containersOf(bitmap);
  const runs = containers.map(asRuns);
  const someRuns = runs.includes(true);
  const count = containers.length;
  const offsets = !someRuns || count >= MIN_OFFSETS;
  const head = someRuns ? 4 + ((count + 7) >> 3) : 8;
  const sizes = containers.map((container, i) =>
    runs[i] ? runBytes(container) : plainBytes(cardinality(container.ranges)),
  );
  let at = head + count * (offsets ? 8 : 4);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, at));
  const data = new DataView(bytes.buffer);
  if (someRuns) {
    data.setUint32(0, WITH_RUNS | ((count - 1) << 16), true);
    runs.forEach((isRun, i) => {
      if (isRun) bytes[4 + (i >> 3)]! |= 1 << (i & 7);
    });
  } else {
    data.setUint32(0, NO_RUNS, true);
    data.setUint32(4, count, true);
  }
  containers.forEach((container, i) => {
    data.setUint16(head + i * 4, container.key, true);
    data.setUint16(head + i * 4 + 2, cardinality(container.ranges) - 1, true);
    if (offsets) data.setUint32(head + count * 4 + i * 4, at, true);
    writeContainer(data, at, container, runs[i]!);
    at += sizes[i]!;
  });
  return bytes;
}

function writeContainer(data: DataView, at: number, container: Container, isRun: boolean): void {
  const { ranges } = container;
  if (isRun) {
    data.setUint16(at, ranges.length / 2, true);
    for (let i = 0; i < ranges.length; i += 2) {
      data.setUint16(at + 2 + i * 2, ranges[i]!, true);
      data.setUint16(at + 4 + i * 2, ranges[i + 1]! - ranges[i]!, true);
    }
    return;
  }
  const isList = cardinality(ranges) <= MOST_VALUES;
  let place = at;
  for (const value of bitmapValues(ranges)) {
    if (isList) {
      data.setUint16(place, value, true);
      place += 2;
    } else {
      const byte = at + (value >> 3);
      data.setUint8(byte, data.getUint8(byte) | (1 << (value & 7)));
    }
  }
}

export function decodeBitmap(bytes: Uint8Array): Bitmap {
  try {
    return readBitmap(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) throw new BitmapFormatError("the bytes end too early");
    throw error;
  }
}

function readBitmap(data: DataView): Bitmap {
  const cookie = data.getUint32(0, true);
  const someRuns = (cookie & 0xffff) === WITH_RUNS;
  if (!someRuns && cookie !== NO_RUNS) throw new BitmapFormatError("unknown cookie");
  const count = someRuns ? (cookie >>> 16) + 1 : data.getUint32(4, true);
  if (count > 65536) throw new BitmapFormatError("too many containers");
  const head = someRuns ? 4 + ((count + 7) >> 3) : 8;
  let at = head + count * (!someRuns || count >= MIN_OFFSETS ? 8 : 4);
  const ranges: number[] = [];
  let before = -1;
  for (let i = 0; i < count; i++) {
    const key = data.getUint16(head + i * 4, true);
    if (key <= before) throw new BitmapFormatError("keys out of order");
    before = key;
    const values = data.getUint16(head + i * 4 + 2, true) + 1;
    const isRun = someRuns && ((data.getUint8(4 + (i >> 3)) >> (i & 7)) & 1) === 1;
    at = readContainer(data, at, { base: key * 65536, values, isRun }, ranges);
  }
  return ranges;
}

/** Returns the place behind the container. */
function readContainer(
  data: DataView,
  at: number,
  { base, values, isRun }: { base: number; values: number; isRun: boolean },
  ranges: number[],
): number {
  if (isRun) {
    const runs = data.getUint16(at, true);
    for (let i = 0; i < runs; i++) {
      const first = data.getUint16(at + 2 + i * 4, true);
      add(ranges, base + first, base + first + data.getUint16(at + 4 + i * 4, true), base);
    }
    return at + 2 + runs * 4;
  }
  if (values <= MOST_VALUES) {
    for (let i = 0; i < values; i++) {
      const value = base + data.getUint16(at + i * 2, true);
      add(ranges, value, value, base);
    }
    return at + values * 2;
  }
  for (let byte = 0; byte < WORD_BYTES; byte++) {
    const bits = data.getUint8(at + byte);
    for (let bit = 0; bit < 8; bit++) {
      if (((bits >> bit) & 1) === 1) push(ranges, base + byte * 8 + bit, base + byte * 8 + bit);
    }
  }
  return at + WORD_BYTES;
}

function add(ranges: number[], first: number, last: number, base: number): void {
  const end = ranges.at(-1) ?? -1;
  if (first <= end || last > base + 65535) throw new BitmapFormatError("values out of order");
  push(ranges, first, last);
}
