/**
 * The Nexmark events, straight into columns.
 *
 * Flow:    connectors/nexmark/ lays out the generator and its tables → nexmarkGenerate() once per batch → task.
 * Strings: names, cities, channels and URLs are views of tables built once; `extra` is a view of the pool; e-mail
 *          addresses, item names and descriptions are written into the arena (8 % of the events).
 * Draws:   every draw of the reference happens, in its order, whether or not its field is asked for.
 * Exact:   prices are rounded 10^x: computed fast, and again with pow() when the fast value is near a half.
 *
 * Generator (bytes): 0 u64 state of the random source · 8 i64 events so far · 16 i64 first event id · 24 i64 first event number
 *   32 i64 events at most · 40 i64 base time · 48 f64 microseconds between events · 56 u32 persons, 60 auctions, 64 all of an
 *   epoch · 68 u32 average bytes of person, 72 auction, 76 bid · 80 u32 hot auctions, 84 hot bidders, 88 hot sellers
 *   92 u32 out-of-order group · 96 *tables · 100 *outputs (slot each) · 104 u32 outputs · 108 u32 wanted slots, a bit each
 *   112 u32 slots × 29: *values of this call
 * Tables (bytes): 0 pool, 1 MiB, 64 slack · then views (u64): 99 names, 10 cities, 6 states, 4 hot channels, 4 hot URLs,
 *   10,000 channels, 10,000 URLs · then their text.
 * Slots:   0 event_type · 1 person … 9 · 10 auction … 20 · 21 bid … 28, in the order of the table's fields.
 * Source:  the Nexmark generator (nexmark-flink), with seeds; java.util.SplittableRandom.
 */
import { arenaAlloc } from "./arena.as";
import { printPadded, printU64 } from "./text-print.as";

const GAMMA: u64 = 0x9e3779b97f4a7c15;
const POOL_BYTES: u32 = 1048576;
const VIEWS: usize = 1048576 + 64;
const NAME: usize = VIEWS;
const CITY: usize = NAME + 99 * 8;
const STATE: usize = CITY + 10 * 8;
const HOT_CHANNEL: usize = STATE + 6 * 8;
const HOT_URL: usize = HOT_CHANNEL + 4 * 8;
const CHANNEL: usize = HOT_URL + 4 * 8;
const URL: usize = CHANNEL + 10000 * 8;
const TEXT: usize = URL + 10000 * 8;
/** 10,000 URLs of at most 49 + 26 bytes, as many channel names of at most 12, names, cities. */
const TABLE_BYTES: usize = TEXT + 10004 * 96 + 4096;

const EPOCH_HOT: i64 = 100;

let s: u64 = 0;

// @ts-ignore: decorator
@inline
function mix32(z: u64): u32 {
  z = (z ^ (z >> 33)) * 0x62a9d9ed799705f5;
  return <u32>(((z ^ (z >> 28)) * 0xcb24d0a5c88c35b3) >> 32);
}

// @ts-ignore: decorator
@inline
function mix64(z: u64): u64 {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/** nextInt(bound) */
function draw(bound: u32): u32 {
  s += GAMMA;
  let r = mix32(s);
  const m = bound - 1;
  if ((bound & m) == 0) return r & m;
  let u = r >> 1;
  r = u % bound;
  while (<i32>(u + m - r) < 0) {
    s += GAMMA;
    u = mix32(s) >> 1;
    r = u % bound;
  }
  return r;
}

/** nextDouble() of the draw with this state */
// @ts-ignore: decorator
@inline
function unitOf(state: u64): f64 {
  return <f64><i64>(mix64(state) >> 11) * 1.1102230246251565e-16;
}

/** 2^(i/256) for i in 0 … 255. */
const EXP2: usize = memory.data(256 * 8, 16);

function fillExp2(): void {
  for (let i = 0; i < 256; i++) store<f64>(EXP2 + (<usize>i << 3), Math.pow(2, <f64>i / 256));
}
fillExp2();

/** Added to a number below 2^51, it leaves the nearest whole number in the lowest bits. */
const WHOLE: f64 = 4503599627370496.0;

/** round(10^(6·unit) · 100) */
// @ts-ignore: decorator
@inline
function priceOf(unit: f64): i64 {
  const t = unit * 5102.481553746988;
  const rounded = t + WHOLE;
  const n = reinterpret<u64>(rounded);
  const r = (t - (rounded - WHOLE)) * 0.0027076061740622863;
  const e = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666666666666666 + r * 0.041666666666666664)));
  const scale = reinterpret<f64>((1023 + ((n >> 8) & 31)) << 52);
  const value = load<f64>(EXP2 + (<usize>(n & 255) << 3)) * scale * e * 100;
  const whole = value + WHOLE;
  if (Math.abs(value - (whole - WHOLE)) > 0.499999) return exactPrice(unit);
  return reinterpret<i64>(whole) & 0xfffffffffffff;
}

/**
 * The states of draws in a column become prices, those of rows that are no bids too. Apart from the other draws: here the rows
 * do not wait for each other.
 */
function pricesOf(column: usize, rows: usize): void {
  const end = column + (rows << 3);
  for (let at = column; at < end; at += 8) store<i64>(at, priceOf(unitOf(load<u64>(at))));
}

function exactPrice(unit: f64): i64 {
  return <i64>Math.floor(Math.pow(10, unit * 6) * 100 + 0.5);
}

/** rndString(max, special) at `out`, trimmed; returns its length, and its address in wStart. */
let wStart: usize = 0;

function word(out: usize, max: u32, special: u32): u32 {
  const length: u32 = 3 + draw(max - 3);
  let z = s;
  for (let i: u32 = 0; i < length; i++) {
    z += GAMMA;
    let u = mix32(z) >> 1;
    // A number this large may have to be drawn again.
    while (u >= 0x7ffffff0 && <i32>(u + 12 - (u % 13)) < 0) {
      z += GAMMA;
      u = mix32(z) >> 1;
    }
    let c = special;
    if (u % 13 != 0) {
      z += GAMMA;
      u = mix32(z) >> 1;
      while (u >= 0x7fffffe0 && <i32>(u + 25 - (u % 26)) < 0) {
        z += GAMMA;
        u = mix32(z) >> 1;
      }
      c = 97 + (u % 26);
    }
    store<u8>(out + i, c);
  }
  s = z;
  let from: u32 = 0;
  let to: u32 = length;
  while (from < to && load<u8>(out + from) <= 32) from++;
  while (to > from && load<u8>(out + to - 1) <= 32) to--;
  wStart = out + from;
  return to - from;
}

/**
 * The draws of word(max, 32) without its text: the length after trimming. The second draw of a letter matters only when
 * it is so large that it comes again.
 */
function skipWord(max: u32): u32 {
  const length: u32 = 3 + draw(max - 3);
  let z = s;
  let blanks: u32 = 0;
  let leading: u32 = 0;
  let blanksEnd: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const u = mix32(z + GAMMA) >> 1;
    const v = mix32(z + 2 * GAMMA);
    if (u < 0x7ffffff0 && v < 0xffffffc0) {
      z += 2 * GAMMA;
      // u is a multiple of 13 when its product with 13's inverse is small.
      if (u * 0xc4ec4ec5 > 0x13b13b13) continue;
      z -= GAMMA;
    } else {
      s = z;
      const blank = draw(13) == 0;
      if (!blank) draw(26);
      z = s;
      if (!blank) continue;
    }
    blanks = blanksEnd == i ? blanks + 1 : 1;
    blanksEnd = i + 1;
    if (leading == i) leading = i + 1;
  }
  s = z;
  if (leading == length) return 0;
  return length - leading - (blanksEnd == length ? blanks : 0);
}

export function nexmarkTableBytes(): u32 {
  return <u32>TABLE_BYTES;
}

let text: usize = 0;

function endText(slot: usize, start: usize): void {
  store<u64>(slot, (<u64>(text - start) << 32) | <u64>start);
}

/** `https://www.nexmark.com/` and `/item.htm?query=1` lie at `parts`, 24 and 17 bytes. */
function baseUrl(parts: usize): void {
  memory.copy(text, parts, 24);
  text += 24;
  for (let i = 0; i < 3; i++) {
    const length = word(text, 5, 95);
    memory.copy(text, wStart, length);
    text += length;
    if (i < 2) store<u8>(text++, 47);
  }
  memory.copy(text, parts + 24, 17);
  text += 17;
}

function reverseBits(v: u32): u32 {
  v = ((v >> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  return bswap<u32>(v);
}

/** Random letters, six a draw. In a call of its own: a loop that runs once would stay in the compiler's first, slow form. */
function fillPool(out: usize, count: u32): void {
  for (let i: u32 = 0; i < count; ) {
    s += GAMMA;
    let r = <i32>mix32(s);
    for (let k = 0; k < 6 && i < count; k++) {
      // r / 26, towards zero.
      const q = <i32>((<i64>r * 1321528399) >> 35) - (r >> 31);
      store<u8>(out + i++, 97 + (r - q * 26));
      r = q;
    }
  }
}

/**
 * Fills the pool and the channels of `tables`. `words`: the constant texts, NUL-terminated: the two parts of the URLs,
 * "&channel_id=", "channel-", 4 hot channels, 99 names, 10 cities, 6 states. The channels take most of the time, and are
 * left out when nobody reads a bid's channel or URL.
 */
export function nexmarkBuildTables(
  tables: usize,
  words: usize,
  seedExtra: u64,
  seedChannel: u64,
  withChannels: u32,
): void {
  s = seedExtra;
  for (let i: u32 = 0; i < POOL_BYTES; i += 96) fillPool(tables + i, min<u32>(96, POOL_BYTES - i));
  text = tables + TEXT;
  let p = words + 64;
  for (let i: usize = 0; i < 119; i++) {
    let length: usize = 0;
    while (load<u8>(p + length) != 0) length++;
    memory.copy(text, p, length);
    const start = text;
    text += length;
    const slot = i < 4 ? HOT_CHANNEL + (i << 3) : NAME + ((i - 4) << 3);
    endText(tables + slot, start);
    p += length + 1;
  }
  if (withChannels == 0) return;
  s = seedChannel;
  for (let i: usize = 0; i < 4; i++) {
    const start = text;
    baseUrl(words);
    endText(tables + HOT_URL + (i << 3), start);
  }
  for (let i: u32 = 0; i < 10000; i++) buildChannel(tables, words, i);
}

function buildChannel(tables: usize, words: usize, i: u32): void {
  let start = text;
  baseUrl(words);
  if (draw(10) > 0) {
    memory.copy(text, words + 42, 12);
    text += 12;
    const id = <i32>reverseBits(i);
    if (id == i32.MIN_VALUE) store<u8>(text++, 45);
    text = printU64(text, id < 0 ? <u64>(-<i64>id) : <u64>id);
  }
  endText(tables + URL + (<usize>i << 3), start);
  start = text;
  memory.copy(text, words + 55, 8);
  text = printU64(text + 8, i);
  endText(tables + CHANNEL + (<usize>i << 3), start);
}

let extraSize: u32 = 0;
let extraOffset: u32 = 0;

function drawExtra(current: u32, average: u32): void {
  extraSize = 0;
  extraOffset = 0;
  if (current > average) return;
  const d = average - current;
  const delta = <u32>Math.floor(0.2 * <f64>d + 0.5);
  extraSize = d - delta + (delta == 0 ? 0 : draw(2 * delta));
  extraOffset = draw(POOL_BYTES - extraSize);
}

function timeOf(generator: usize, n: i64): i64 {
  return load<i64>(generator, 40) + <i64>(<f64>n * load<f64>(generator, 48)) / 1000;
}

function lastPerson(id: i64, persons: i64, all: i64): i64 {
  return (id / all) * persons + min<i64>(id % all, persons - 1);
}

function lastAuction(id: i64, persons: i64, auctions: i64, all: i64): i64 {
  const epoch = id / all;
  const rest = id % all;
  if (rest < persons) return (epoch - 1) * auctions + auctions - 1;
  return epoch * auctions + (rest >= persons + auctions ? auctions - 1 : rest - persons);
}

function pickPerson(newest: i64): i64 {
  const count = newest + 1;
  const active = min<i64>(count, 1000);
  return count - active + <i64>draw(<u32>active + 10);
}

// @ts-ignore: decorator
@inline
function slot(generator: usize, index: usize): usize {
  return <usize>load<u32>(generator + 112 + (index << 2));
}

// @ts-ignore: decorator
@inline
function put64(column: usize, row: usize, value: u64): void {
  if (column != 0) store<u64>(column + (row << 3), value);
}

// @ts-ignore: decorator
@inline
function viewOf(start: usize, length: u32): u64 {
  return (<u64>length << 32) | <u64>start;
}

/** Up to `rows` events; returns the batch, 0 at the end. */
export function nexmarkGenerate(generator: usize, rows: u32): usize {
  const produced = load<i64>(generator, 8);
  const left = load<i64>(generator, 32) - produced;
  if (left <= 0 || rows == 0) return 0;
  if (left < <i64>rows) rows = <u32>left;
  const n = <usize>rows;
  const persons = <i64>load<u32>(generator, 56);
  const auctions = <i64>load<u32>(generator, 60);
  const all = <i64>load<u32>(generator, 64);
  const wanted = load<u32>(generator, 108);
  // Values of the wanted slots; validity of the three rows.
  for (let i: usize = 0; i < 29; i++) {
    const width: u32 = i == 0 ? 4 : i == 1 || i == 10 || i == 21 ? 0 : 8;
    const has = width != 0 && ((wanted >> <u32>i) & 1) != 0;
    store<u32>(generator + 112 + (i << 2), has ? <u32>arenaAlloc(width * rows + 16) : 0);
  }
  const validity = arenaAlloc(3 * rows + 64);
  memory.fill(validity, 0, 3 * n);
  const epochs = <u32>(<i64>rows / all) + 2;
  const built = epochs * <u32>(persons + auctions);
  let scratch = arenaAlloc(min<u32>(built, rows) * 168 + 64);

  const tables = <usize>load<u32>(generator, 96);
  const group = <i64>load<u32>(generator, 92);
  const firstId = load<i64>(generator, 16);
  const firstNumber = load<i64>(generator, 24);
  const eventType = slot(generator, 0);
  const bidAuction = slot(generator, 22);
  const bidBidder = slot(generator, 23);
  const bidPrice = slot(generator, 24);
  const bidChannel = slot(generator, 25);
  const bidUrl = slot(generator, 26);
  const bidTime = slot(generator, 27);
  const bidExtra = slot(generator, 28);
  const base = load<i64>(generator, 40);
  const delayUs = load<f64>(generator, 48);
  const hotAuctions = load<u32>(generator, 80);
  const hotBidders = load<u32>(generator, 84);
  const average = load<u32>(generator, 76);
  const bidExtraDraws = average >= 32;
  const d = bidExtraDraws ? average - 32 : 0;
  const delta = <u32>Math.floor(0.2 * <f64>d + 0.5);
  const sizes: u32 = 2 * delta;
  const simple =
    isPow2(hotAuctions) &&
    isPow2(hotBidders) &&
    bidExtraDraws &&
    !isPow2(sizes) &&
    sizes <= POOL_SIZES &&
    d + delta < POOL_BYTES / 2;
  if (simple) fillPoolInverses(d - delta, sizes);
  const sizesInverse = simple ? reciprocal(sizes) : 0;
  const sizesShift = simple ? quotientShift(sizes) : 0;
  let z = load<u64>(generator);
  let epoch: i64 = 0;
  let rest: i64 = -1;
  // Of the current epoch, for its bids.
  let known: i64 = -1;
  let hotAuction: i64 = 0;
  let hotBidder: i64 = 0;
  let lowAuction: i64 = 0;
  let lowPerson: i64 = 0;
  let auctionBound: u32 = 0;
  let personBound: u32 = 0;
  let auctionInverse: u64 = 0;
  let auctionShift: u64 = 0;
  let personInverse: u64 = 0;
  let personShift: u64 = 0;
  let fast = false;
  for (let row: usize = 0; row < n; row++) {
    const number = firstNumber + produced + <i64>row;
    let adjusted = number;
    if (group == 1) {
      if (rest < 0) {
        epoch = (firstId + adjusted) / all;
        rest = (firstId + adjusted) % all;
      } else if (++rest == all) {
        rest = 0;
        epoch++;
      }
    } else {
      adjusted = (number / group) * group + ((number * 953) % group);
      epoch = (firstId + adjusted) / all;
      rest = (firstId + adjusted) % all;
    }
    const time = base + <i64>(<f64>adjusted * delayUs) / 1000;
    if (rest >= persons + auctions) {
      if (eventType != 0) store<u32>(eventType + (row << 2), 2);
      store<u8>(validity + 2 * n + row, 1);
      if (epoch != known) {
        known = epoch;
        const newestAuction = epoch * auctions + auctions - 1;
        const newestPerson = epoch * persons + persons - 1;
        hotAuction = (newestAuction / EPOCH_HOT) * EPOCH_HOT + 1000;
        hotBidder = (newestPerson / EPOCH_HOT) * EPOCH_HOT + 2001;
        lowAuction = max<i64>(newestAuction - 100, 0);
        auctionBound = <u32>(newestAuction - lowAuction + 11);
        const active = min<i64>(newestPerson + 1, 1000);
        lowPerson = newestPerson + 1 - active;
        personBound = <u32>active + 10;
        fast = simple && !isPow2(auctionBound) && !isPow2(personBound);
        auctionInverse = reciprocal(auctionBound);
        auctionShift = quotientShift(auctionBound);
        personInverse = reciprocal(personBound);
        personShift = quotientShift(personBound);
      }
      const before = z;
      let auction: i64 = 0;
      let bidder: i64 = 0;
      let state: u64 = 0;
      let channel: usize = 0;
      let url: usize = 0;
      let size: u32 = 0;
      let offset: u32 = 0;
      // All draws at once, branch-free; the sign of `again` says that one of them would have been repeated.
      let again: u32 = 0x80000000;
      if (fast) {
        // All ones where it is cold: a branch would be foretold wrongly every other time.
        const coldAuction = onesIf((mix32(z + GAMMA) & (hotAuctions - 1)) == 0);
        let u = mix32(z + 2 * GAMMA) >> 1;
        let r = remainder(u, auctionBound, auctionInverse, auctionShift);
        z += GAMMA + (coldAuction & GAMMA);
        again = (u + auctionBound - 1 - r) & <u32>coldAuction;
        auction = pick(coldAuction, lowAuction + <i64>r + 1000, hotAuction);
        const coldBidder = onesIf((mix32(z + GAMMA) & (hotBidders - 1)) == 0);
        u = mix32(z + 2 * GAMMA) >> 1;
        r = remainder(u, personBound, personInverse, personShift);
        z += GAMMA + (coldBidder & GAMMA);
        again |= (u + personBound - 1 - r) & <u32>coldBidder;
        bidder = pick(coldBidder, lowPerson + <i64>r + 2000, hotBidder);
        state = z + GAMMA;
        const coldChannel = onesIf((mix32(z + 2 * GAMMA) & 1) == 0);
        const choice = mix32(z + 3 * GAMMA);
        u = choice >> 1;
        r = u % 10000;
        again |= (u + 9999 - r) & <u32>coldChannel;
        channel = tables + <usize>pick(coldChannel, CHANNEL + (r << 3), HOT_CHANNEL + ((choice & 3) << 3));
        url = tables + <usize>pick(coldChannel, URL + (r << 3), HOT_URL + ((choice & 3) << 3));
        u = mix32(z + 4 * GAMMA) >> 1;
        r = remainder(u, sizes, sizesInverse, sizesShift);
        again |= u + sizes - 1 - r;
        size = d - delta + r;
        z += 5 * GAMMA;
        u = mix32(z) >> 1;
        const inverse = load<u64>(poolInverses + (<usize>r << 3));
        offset = remainder(u, POOL_BYTES - size, inverse, POOL_SHIFT);
        again |= u + POOL_BYTES - size - 1 - offset;
      }
      if (<i32>again < 0) {
        s = before;
        auction = draw(hotAuctions) > 0 ? hotAuction : lowAuction + <i64>draw(auctionBound) + 1000;
        bidder = draw(hotBidders) > 0 ? hotBidder : lowPerson + <i64>draw(personBound) + 2000;
        s += GAMMA;
        state = s;
        const hot = draw(2) > 0;
        const entry = tables + (<usize>draw(hot ? 4 : 10000) << 3);
        channel = entry + (hot ? HOT_CHANNEL : CHANNEL);
        url = entry + (hot ? HOT_URL : URL);
        size = 0;
        offset = 0;
        if (bidExtraDraws) {
          size = d - delta + (delta == 0 ? 0 : draw(2 * delta));
          offset = draw(POOL_BYTES - size);
        }
        z = s;
      }
      put64(bidAuction, row, auction);
      put64(bidBidder, row, bidder);
      put64(bidPrice, row, state);
      if (bidChannel != 0) store<u64>(bidChannel + (row << 3), load<u64>(channel));
      if (bidUrl != 0) store<u64>(bidUrl + (row << 3), load<u64>(url));
      put64(bidTime, row, time);
      put64(bidExtra, row, viewOf(tables + offset, size));
      continue;
    }
    s = z;
    if (rest >= persons) {
      if (eventType != 0) store<u32>(eventType + (row << 2), 1);
      store<u8>(validity + n + row, 1);
      scratch = makeAuction(generator, tables, scratch, row, adjusted, epoch * all + rest, time);
    } else {
      if (eventType != 0) store<u32>(eventType + (row << 2), 0);
      store<u8>(validity + row, 1);
      scratch = makePerson(generator, tables, scratch, row, epoch * all + rest, time);
    }
    z = s;
  }
  if (bidPrice != 0) pricesOf(bidPrice, n);
  store<u64>(generator, z);
  store<i64>(generator, produced + <i64>rows, 8);
  return nexmarkBatch(generator, validity, rows);
}

// @ts-ignore: decorator
@inline
function isPow2(value: u32): bool {
  return (value & (value - 1)) == 0;
}

function nexmarkBatch(generator: usize, validity: usize, rows: u32): usize {
  const outputs = <usize>load<u32>(generator, 100);
  const count = load<u32>(generator, 104);
  const batch = arenaAlloc(16 + count * 8);
  store<u32>(batch, rows);
  store<u32>(batch, 0, 4);
  store<u32>(batch, count, 8);
  store<u32>(batch, 0, 12);
  for (let i: u32 = 0; i < count; i++) {
    const index = load<u32>(outputs + i * 4);
    const shift: u32 = index < 10 ? 0 : index < 21 ? rows : 2 * rows;
    const valid: usize = index == 0 ? 0 : validity + shift;
    store<u32>(batch + 16 + i * 8, <u32>valid);
    store<u32>(batch + 16 + i * 8, load<u32>(generator + 112 + (<usize>index << 2)), 4);
  }
  return batch;
}

/**
 * ⌊2^(31+n)/d⌋ + 1 for n = ⌈log2 d⌉: u·reciprocal(d) >> (31 + n) is ⌊u/d⌋ for every u below 2^31.
 */
// @ts-ignore: decorator
@inline
function reciprocal(d: u32): u64 {
  return (<u64>1 << quotientShift(d)) / d + 1;
}

// @ts-ignore: decorator
@inline
function quotientShift(d: u32): u64 {
  return 63 - <u64>clz<u32>(d - 1);
}

// @ts-ignore: decorator
@inline
function remainder(u: u32, d: u32, inverse: u64, shift: u64): u32 {
  return u - <u32>((<u64>u * inverse) >> shift) * d;
}

// @ts-ignore: decorator
@inline
function onesIf(condition: bool): u64 {
  return -(<u64>condition);
}

/** `a` where `mask` is all ones, `b` where it is 0. */
// @ts-ignore: decorator
@inline
function pick(mask: u64, a: u64, b: u64): u64 {
  return b ^ (mask & (a ^ b));
}

/** Reciprocals of POOL_BYTES − size, for the sizes of a bid's extra from the least on; all with POOL_SHIFT. */
const POOL_SIZES: u32 = 1024;
const POOL_SHIFT: u64 = 51;
const poolInverses: usize = memory.data(1024 * 8, 16);
let poolLeast: u32 = u32.MAX_VALUE;
let poolSizes: u32 = 0;

function fillPoolInverses(least: u32, sizes: u32): void {
  if (least == poolLeast && sizes == poolSizes) return;
  for (let i: u32 = 0; i < sizes; i++) {
    store<u64>(poolInverses + (<usize>i << 3), reciprocal(POOL_BYTES - least - i));
  }
  poolLeast = least;
  poolSizes = sizes;
}

function makePerson(
  generator: usize,
  tables: usize,
  scratch: usize,
  row: usize,
  id: i64,
  time: i64,
): usize {
  const newest = lastPerson(id, load<u32>(generator, 56), load<u32>(generator, 64));
  put64(slot(generator, 2), row, newest + 1000);
  const first = draw(11);
  const name = load<u64>(tables + NAME + (<usize>(first * 9 + draw(9)) << 3));
  put64(slot(generator, 3), row, name);
  const email = scratch;
  let emailBytes: u32 = 5;
  const emails = slot(generator, 4);
  if (emails == 0) emailBytes += skipWord(7) + skipWord(5);
  else {
    let length = word(scratch, 7, 32);
    memory.copy(email, wStart, length);
    scratch += length;
    store<u8>(scratch++, 64);
    length = word(scratch, 5, 32);
    memory.copy(scratch, wStart, length);
    scratch += length;
    store<u32>(scratch, 0x6d6f632e);
    scratch += 4;
    emailBytes = <u32>(scratch - email);
    put64(emails, row, viewOf(email, emailBytes));
  }
  const card = scratch;
  for (let i = 0; i < 4; i++) {
    if (i > 0) store<u8>(scratch++, 32);
    scratch = printPadded(scratch, draw(10000), 4);
  }
  put64(slot(generator, 5), row, viewOf(card, 19));
  const city = load<u64>(tables + CITY + (<usize>draw(10) << 3));
  put64(slot(generator, 6), row, city);
  const state = load<u64>(tables + STATE + (<usize>draw(6) << 3));
  put64(slot(generator, 7), row, state);
  put64(slot(generator, 8), row, time);
  const used = 8 + <u32>(name >> 32) + emailBytes + 19 + <u32>(city >> 32) + <u32>(state >> 32);
  drawExtra(used, load<u32>(generator, 68));
  put64(slot(generator, 9), row, viewOf(tables + extraOffset, extraSize));
  return scratch;
}

/** A word of at most `max` bytes as the value of `column`, where that is wanted; its length is in wordBytes. */
function putWord(column: usize, row: usize, scratch: usize, max: u32): usize {
  if (column == 0) {
    wordBytes = skipWord(max);
    return scratch;
  }
  wordBytes = word(scratch, max, 32);
  put64(column, row, viewOf(wStart, wordBytes));
  return wStart + wordBytes;
}

let wordBytes: u32 = 0;

function makeAuction(
  generator: usize,
  tables: usize,
  scratch: usize,
  row: usize,
  adjusted: i64,
  id: i64,
  time: i64,
): usize {
  const persons = <i64>load<u32>(generator, 56);
  const auctions = <i64>load<u32>(generator, 60);
  const all = <i64>load<u32>(generator, 64);
  const newest = lastPerson(id, persons, all);
  put64(slot(generator, 11), row, lastAuction(id, persons, auctions, all) + 1000);
  const seller =
    draw(load<u32>(generator, 88)) > 0 ? (newest / EPOCH_HOT) * EPOCH_HOT : pickPerson(newest);
  put64(slot(generator, 18), row, seller + 1000);
  put64(slot(generator, 19), row, 10 + draw(5));
  const prices = slot(generator, 14) != 0 || slot(generator, 15) != 0;
  s += GAMMA;
  const initial = prices ? priceOf(unitOf(s)) : 0;
  put64(slot(generator, 14), row, initial);
  const horizon = timeOf(generator, adjusted + (100 * all) / auctions) - time;
  put64(slot(generator, 17), row, time + 1 + <i64>draw(<u32>max<i64>(2 * horizon, 1)));
  let used: u32 = 48;
  scratch = putWord(slot(generator, 12), row, scratch, 20);
  used += wordBytes;
  scratch = putWord(slot(generator, 13), row, scratch, 100);
  used += wordBytes;
  s += GAMMA;
  if (prices) put64(slot(generator, 15), row, initial + priceOf(unitOf(s)));
  put64(slot(generator, 16), row, time);
  drawExtra(used, load<u32>(generator, 72));
  put64(slot(generator, 20), row, viewOf(tables + extraOffset, extraSize));
  return scratch;
}
