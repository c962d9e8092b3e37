/**
 * The Nexmark events with fixed seeds, one generator (split): next() fills the fields of one event.
 *
 * Flow:    splittable-random, event-tables → here → nexmark/event-lines → files.
 * Shapes:  one mutable event object; texts that are drawn letter by letter lie in `letters` as ranges,
 *          the others are indexes into name lists, the channel table and the pool.
 * Limits:  ids stay below 2^53 (they reach 3.7e14 when events.num is 0).
 * Source:  github nexmark/nexmark, NexmarkGenerator and its model generators; upstream has no seeds
 *          and the wall clock as base time, here both are options.
 */
import { buildEventTables, CHANNEL_COUNT, type EventTables, POOL_SIZE } from "./event-tables.ts";
import { SplittableRandom } from "./splittable-random.ts";

export interface GeneratorConfig {
  /** Events of event time per second, of all generators together. */
  readonly rate: number;
  /** events.num of the table: 0 is unbounded. It only decides where a split begins and ends. */
  readonly eventsNum: number;
  readonly generators: number;
  readonly generatorIndex: number;
  readonly person: number;
  readonly auction: number;
  readonly bid: number;
  readonly outOfOrderGroupSize: number;
  readonly baseTimeMs: number;
  readonly seedGen: number;
  readonly seedExtra: number;
  readonly seedChannel: number;
}

export const defaultGeneratorConfig: GeneratorConfig = {
  rate: 10_000,
  eventsNum: 0,
  generators: 1,
  generatorIndex: 0,
  person: 1,
  auction: 3,
  bid: 46,
  outOfOrderGroupSize: 1,
  baseTimeMs: 1_700_000_000_000,
  seedGen: 1,
  seedExtra: 2,
  seedChannel: 3,
};

export const PERSON = 0;
export const AUCTION = 1;
export const BID = 2;

export const FIRST_NAMES = "Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter".split(
  " ",
);
export const LAST_NAMES = "Shultz Abrams Spencer White Bartels Walton Smith Jones Noris".split(" ");
export const CITIES =
  "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(",");
export const STATES = "AZ CA ID OR WA WY".split(" ");

const FIRST_ID = 1000;
const FIRST_CATEGORY = 10;
const HOT_EVERY = 100;
const ACTIVE_PEOPLE = 1000;
const IN_FLIGHT_AUCTIONS = 100;
const ID_LEAD = 10;
/** Upstream's bound of an unbounded source: (2^63 - 1) / (50 * 500). */
const UNBOUNDED_EVENTS = 368_934_881_474_191;

/** A text in `letters`: [start, end). */
export interface LetterRange {
  start: number;
  end: number;
}

export interface NexmarkEvent {
  id: number;
  type: number;
  /** Event time, epoch milliseconds. */
  timeMs: number;
  watermarkMs: number;
  /** id of the person or auction; auction of the bid. */
  key: number;
  // Person: indexes into the lists above, and the four groups of the credit card.
  firstName: number;
  lastName: number;
  city: number;
  state: number;
  readonly card: Int32Array;
  // Auction
  seller: number;
  category: number;
  initialBid: number;
  reserve: number;
  expiresMs: number;
  // Bid
  bidder: number;
  price: number;
  /** 0–3 a hot channel, 4 + i the table's entry i. */
  channel: number;
  /** Person: name before @ and domain. Auction: item name and description. */
  readonly text1: LetterRange;
  readonly text2: LetterRange;
  readonly letters: Uint8Array;
  /** extra is pool[extraAt, extraAt + extraSize). */
  extraAt: number;
  extraSize: number;
}

export class NexmarkGenerator {
  readonly tables: EventTables;
  readonly event: NexmarkEvent = newEvent();
  /** How many events this split has in all. */
  readonly maxEvents: number;
  private readonly config: GeneratorConfig;
  private readonly random: SplittableRandom;
  private readonly total: number;
  private readonly delayUs: number;
  private readonly firstEventId: number;
  private emitted = 0;

  constructor(config: GeneratorConfig) {
    this.config = config;
    this.tables = buildEventTables(config.seedExtra, config.seedChannel);
    this.random = new SplittableRandom(config.seedGen);
    this.total = config.person + config.auction + config.bid;
    this.delayUs = (1e6 / config.rate) * config.generators;
    const all = config.eventsNum === 0 ? UNBOUNDED_EVENTS : config.eventsNum;
    const each = Math.floor(all / config.generators);
    const last = config.generatorIndex === config.generators - 1;
    this.firstEventId = 1 + config.generatorIndex * each;
    this.maxEvents = last ? all - each * (config.generators - 1) : each;
  }

  /** Fills `event` with the next one. */
  next(): NexmarkEvent {
    const { person, auction, outOfOrderGroupSize: group } = this.config;
    const event = this.event;
    const n = 1 + this.emitted++;
    const groupStart = Math.floor(n / group) * group;
    const adjusted = group === 1 ? n : groupStart + ((n * 953) % group);
    const id = this.firstEventId + adjusted;
    const remainder = id % this.total;
    event.id = id;
    event.timeMs = this.timeOf(adjusted);
    event.watermarkMs = this.timeOf(groupStart);
    if (remainder < person) this.nextPerson(id);
    else if (remainder < person + auction) this.nextAuction(id, adjusted);
    else this.nextBid(id);
    return event;
  }

  private nextPerson(id: number): void {
    const { event, random } = this;
    event.type = PERSON;
    event.key = this.lastPerson(id) + FIRST_ID;
    event.firstName = random.nextBelow(FIRST_NAMES.length);
    event.lastName = random.nextBelow(LAST_NAMES.length);
    this.nextLetters(event.text1, 0, 7);
    this.nextLetters(event.text2, event.text1.end, 5);
    for (let i = 0; i < 4; i++) event.card[i] = random.nextBelow(10_000);
    event.city = random.nextBelow(CITIES.length);
    event.state = random.nextBelow(STATES.length);
    const name = FIRST_NAMES[event.firstName]!.length + 1 + LAST_NAMES[event.lastName]!.length;
    const email = lengthOf(event.text1) + lengthOf(event.text2) + "@.com".length;
    const card = 4 * 4 + 3;
    const place = CITIES[event.city]!.length + STATES[event.state]!.length;
    this.nextExtra(8 + name + email + card + place, 200);
  }

  private nextAuction(id: number, adjusted: number): void {
    const { event, random } = this;
    event.type = AUCTION;
    event.key = this.lastAuction(id) + FIRST_ID;
    event.seller =
      FIRST_ID + (random.nextBelow(4) > 0 ? hot(this.lastPerson(id)) : this.pickPerson(id));
    event.category = FIRST_CATEGORY + random.nextBelow(5);
    event.initialBid = this.nextPrice();
    const ahead = Math.floor((IN_FLIGHT_AUCTIONS * this.total) / this.config.auction);
    const horizonMs = this.timeOf(adjusted + ahead) - event.timeMs;
    event.expiresMs = event.timeMs + 1 + random.nextBelow(Math.max(2 * horizonMs, 1));
    this.nextLetters(event.text1, 0, 20);
    this.nextLetters(event.text2, event.text1.end, 100);
    event.reserve = event.initialBid + this.nextPrice();
    this.nextExtra(8 + lengthOf(event.text1) + lengthOf(event.text2) + 40, 500);
  }

  private nextBid(id: number): void {
    const { event, random } = this;
    event.type = BID;
    event.key =
      FIRST_ID + (random.nextBelow(2) > 0 ? hot(this.lastAuction(id)) : this.pickAuction(id));
    // Upstream adds the first person id twice.
    event.bidder =
      2 * FIRST_ID + (random.nextBelow(4) > 0 ? hot(this.lastPerson(id)) + 1 : this.pickPerson(id));
    event.price = this.nextPrice();
    event.channel =
      random.nextBelow(2) > 0 ? random.nextBelow(4) : 4 + random.nextBelow(CHANNEL_COUNT);
    this.nextExtra(32, 100);
  }

  private timeOf(eventNumber: number): number {
    return this.config.baseTimeMs + Math.trunc(Math.trunc(eventNumber * this.delayUs) / 1000);
  }

  private lastPerson(id: number): number {
    const { person } = this.config;
    return Math.floor(id / this.total) * person + Math.min(id % this.total, person - 1);
  }

  private lastAuction(id: number): number {
    const { person, auction } = this.config;
    const epoch = Math.floor(id / this.total);
    const remainder = id % this.total;
    if (remainder < person) return (epoch - 1) * auction + auction - 1;
    return epoch * auction + Math.min(remainder - person, auction - 1);
  }

  private pickPerson(id: number): number {
    const count = this.lastPerson(id) + 1;
    const active = Math.min(count, ACTIVE_PEOPLE);
    return count - active + this.random.nextBelow(active + ID_LEAD);
  }

  private pickAuction(id: number): number {
    const newest = this.lastAuction(id);
    const oldest = Math.max(newest - IN_FLIGHT_AUCTIONS, 0);
    return oldest + this.random.nextBelow(newest - oldest + 1 + ID_LEAD);
  }

  private nextPrice(): number {
    return Math.round(10 ** (this.random.nextDouble() * 6) * 100);
  }

  /** Nexmark's nextString(max, ' '), trimmed as Java's trim() does. */
  private nextLetters(range: LetterRange, at: number, max: number): void {
    const { random } = this;
    const letters = this.event.letters;
    let start = at;
    let end = at + 3 + random.nextBelow(max - 3);
    for (let i = at; i < end; i++)
      letters[i] = random.nextBelow(13) === 0 ? 0x20 : 97 + random.nextBelow(26);
    while (start < end && letters[start] === 0x20) start++;
    while (end > start && letters[end - 1] === 0x20) end--;
    range.start = start;
    range.end = end;
  }

  private nextExtra(currentSize: number, averageSize: number): void {
    const { event, random } = this;
    event.extraAt = 0;
    event.extraSize = 0;
    if (currentSize > averageSize) return;
    const missing = averageSize - currentSize;
    const delta = Math.round(missing * 0.2);
    event.extraSize = missing - delta + (delta === 0 ? 0 : random.nextBelow(2 * delta));
    event.extraAt = random.nextBelow(POOL_SIZE - event.extraSize);
  }
}

function hot(newest: number): number {
  return Math.floor(newest / HOT_EVERY) * HOT_EVERY;
}

function lengthOf(range: LetterRange): number {
  return range.end - range.start;
}

function newEvent(): NexmarkEvent {
  return {
    id: 0,
    type: BID,
    timeMs: 0,
    watermarkMs: 0,
    key: 0,
    firstName: 0,
    lastName: 0,
    city: 0,
    state: 0,
    card: new Int32Array(4),
    seller: 0,
    category: 0,
    initialBid: 0,
    reserve: 0,
    expiresMs: 0,
    bidder: 0,
    price: 0,
    channel: 0,
    text1: { start: 0, end: 0 },
    text2: { start: 0, end: 0 },
    letters: new Uint8Array(128),
    extraAt: 0,
    extraSize: 0,
  };
}
