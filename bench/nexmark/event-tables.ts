/**
 * The Nexmark generator's shared tables: the pool of "extra" text, and the channels with their URLs.
 *
 * Flow:    nexmark/event-generator holds one set; nexmark/event-lines copies bytes out of it.
 * Shapes:  the pool is 2^20 characters; poolJson is its JSON form (backslashes doubled), and poolAt[i]
 *          is where character i begins in it, so that pool[i, j) is poolJson[poolAt[i], poolAt[j]).
 * Source:  Nexmark's BidGenerator and StringsGenerator; quirks kept (see each function).
 */
import { SplittableRandom } from "./splittable-random.ts";

export const POOL_SIZE = 1 << 20;
export const CHANNEL_COUNT = 10_000;
const HOT_CHANNELS = ["Google", "Facebook", "Baidu", "Apple"] as const;
const BACKSLASH = 0x5c;

export interface Channel {
  readonly channel: string;
  readonly url: string;
}

export interface EventTables {
  readonly poolJson: Uint8Array;
  readonly poolAt: Uint32Array;
  readonly hotChannels: readonly Channel[];
  readonly channels: readonly Channel[];
}

export function buildEventTables(seedExtra: number, seedChannel: number): EventTables {
  const random = new SplittableRandom(seedChannel);
  const hotChannels = HOT_CHANNELS.map((channel) => ({ channel, url: baseUrl(random) }));
  const channels: Channel[] = [];
  for (let i = 0; i < CHANNEL_COUNT; i++) {
    const url = baseUrl(random);
    const withId = random.nextBelow(10) > 0;
    channels.push({
      channel: `channel-${i}`,
      url: withId ? `${url}&channel_id=${channelId(i)}` : url,
    });
  }
  return { ...escapePool(buildPool(seedExtra)), hotChannels, channels };
}

/** Characters 'a' + r rem 26 with Java's signed remainder: a negative draw goes below 'a', down to 'H'. */
function buildPool(seed: number): Uint8Array {
  const random = new SplittableRandom(seed);
  const pool = new Uint8Array(POOL_SIZE);
  let at = 0;
  while (at < POOL_SIZE) {
    let r = random.nextInt();
    for (let i = 0; i < 6 && at < POOL_SIZE; i++) {
      pool[at++] = 97 + (r % 26);
      r = Math.trunc(r / 26);
    }
  }
  return pool;
}

function escapePool(pool: Uint8Array): Pick<EventTables, "poolJson" | "poolAt"> {
  const poolJson = new Uint8Array(2 * POOL_SIZE);
  const poolAt = new Uint32Array(POOL_SIZE + 1);
  let to = 0;
  for (let i = 0; i < POOL_SIZE; i++) {
    poolAt[i] = to;
    if (pool[i] === BACKSLASH) poolJson[to++] = BACKSLASH;
    poolJson[to++] = pool[i]!;
  }
  poolAt[POOL_SIZE] = to;
  return { poolJson: poolJson.slice(0, to), poolAt };
}

function baseUrl(random: SplittableRandom): string {
  const folders = [0, 1, 2].map(() => folderName(random));
  return `https://www.nexmark.com/${folders.join("/")}/item.htm?query=1`;
}

/** Nexmark's nextString(5, '_'): '_' is never trimmed. */
function folderName(random: SplittableRandom): string {
  let name = "";
  for (let length = 3 + random.nextBelow(2); length > 0; length--)
    name += random.nextBelow(13) === 0 ? "_" : String.fromCharCode(97 + random.nextBelow(26));
  return name;
}

/** Math.abs(Integer.reverse(i)) of Java, where the absolute value of -2^31 is itself. */
function channelId(i: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((i >>> bit) & 1);
  return reversed < 0 ? -reversed | 0 : reversed;
}
