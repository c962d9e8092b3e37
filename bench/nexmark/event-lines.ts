/**
 * Writes Nexmark events as JSON lines into a byte buffer.
 *
 * Flow:    nexmark/event-generator → here → files (nexmark-events) or a hash (its test).
 * Forms:   reference  {"n":…,"event_type":…,"ts":…,"watermark":…,"bid":{…}}, times as epoch milliseconds
 *          wide       {"event_type":2,"person":null,"auction":null,"bid":{…}}, times as Flink's SQL text:
 *                     the columns of the benchmark's table
 * Limits:  a line is shorter than MAX_LINE: an auction's extra has at most 2·0.8·1.25·500 bytes escaped.
 */
import {
  AUCTION,
  CITIES,
  FIRST_NAMES,
  LAST_NAMES,
  type LetterRange,
  type NexmarkEvent,
  PERSON,
  STATES,
} from "./event-generator.ts";
import type { EventTables } from "./event-tables.ts";

export type LineForm = "reference" | "wide";

/** Bytes that must be free before a line is written. */
export const MAX_LINE = 4096;

const ZERO = 0x30;

export class EventLineWriter {
  readonly bytes: Uint8Array;
  size = 0;
  private readonly wide: boolean;
  private readonly tables: EventTables;
  /** `"channel":"…","url":"…","dateTime":` of every channel. */
  private readonly channels: readonly Uint8Array[];
  private readonly eventTime = new SqlTimestamp();
  private readonly otherTime = new SqlTimestamp();

  constructor(form: LineForm, tables: EventTables, capacity: number) {
    this.wide = form === "wide";
    this.tables = tables;
    this.bytes = new Uint8Array(capacity);
    this.channels = [...tables.hotChannels, ...tables.channels].map((c) =>
      Buffer.from(`,"channel":"${c.channel}","url":"${c.url}","dateTime":`),
    );
  }

  get full(): boolean {
    return this.size + MAX_LINE > this.bytes.length;
  }

  write(event: NexmarkEvent): void {
    if (this.wide) {
      this.text('{"event_type":');
      this.integer(event.type);
    } else {
      this.field('{"n":', event.id);
      this.field(',"event_type":', event.type);
      this.field(',"ts":', event.timeMs);
      this.field(',"watermark":', event.watermarkMs);
    }
    if (event.type === PERSON) this.person(event);
    else if (event.type === AUCTION) this.auction(event);
    else this.bid(event);
  }

  private person(event: NexmarkEvent): void {
    this.field(',"person":{"id":', event.key);
    this.text(',"name":"');
    this.text(FIRST_NAMES[event.firstName]!);
    this.text(" ");
    this.text(LAST_NAMES[event.lastName]!);
    this.text('","emailAddress":"');
    this.letters(event.letters, event.text1);
    this.text("@");
    this.letters(event.letters, event.text2);
    this.text('.com","creditCard":"');
    for (let i = 0; i < 4; i++) {
      if (i > 0) this.text(" ");
      this.fourDigits(event.card[i]!);
    }
    this.text('","city":"');
    this.text(CITIES[event.city]!);
    this.text('","state":"');
    this.text(STATES[event.state]!);
    this.text('","dateTime":');
    this.time(event.timeMs, this.eventTime);
    this.extra(event);
    this.text(this.wide ? '},"auction":null,"bid":null}\n' : "}}\n");
  }

  private auction(event: NexmarkEvent): void {
    this.field(this.wide ? ',"person":null,"auction":{"id":' : ',"auction":{"id":', event.key);
    this.text(',"itemName":"');
    this.letters(event.letters, event.text1);
    this.text('","description":"');
    this.letters(event.letters, event.text2);
    this.field('","initialBid":', event.initialBid);
    this.field(',"reserve":', event.reserve);
    this.text(',"dateTime":');
    this.time(event.timeMs, this.eventTime);
    this.text(',"expires":');
    this.time(event.expiresMs, this.otherTime);
    this.field(',"seller":', event.seller);
    this.field(',"category":', event.category);
    this.extra(event);
    this.text(this.wide ? '},"bid":null}\n' : "}}\n");
  }

  private bid(event: NexmarkEvent): void {
    this.text(this.wide ? ',"person":null,"auction":null,"bid":{' : ',"bid":{');
    this.field('"auction":', event.key);
    this.field(',"bidder":', event.bidder);
    this.field(',"price":', event.price);
    const channel = this.channels[event.channel]!;
    this.copy(channel, 0, channel.length);
    this.time(event.timeMs, this.eventTime);
    this.extra(event);
    this.text("}}\n");
  }

  private extra(event: NexmarkEvent): void {
    const { poolJson, poolAt } = this.tables;
    this.text(',"extra":"');
    this.copy(poolJson, poolAt[event.extraAt]!, poolAt[event.extraAt + event.extraSize]!);
    this.text('"');
  }

  private time(ms: number, cache: SqlTimestamp): void {
    if (!this.wide) {
      this.integer(ms);
      return;
    }
    const text = cache.of(ms);
    this.copy(text, 0, text.length);
  }

  private field(name: string, value: number): void {
    this.text(name);
    this.integer(value);
  }

  private text(text: string): void {
    const bytes = this.bytes;
    let at = this.size;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.size = at;
  }

  private letters(letters: Uint8Array, range: LetterRange): void {
    this.copy(letters, range.start, range.end);
  }

  private copy(from: Uint8Array, start: number, end: number): void {
    const bytes = this.bytes;
    let at = this.size;
    for (let i = start; i < end; i++) bytes[at++] = from[i]!;
    this.size = at;
  }

  private integer(value: number): void {
    if (value > 0x7fffffff) {
      this.text(String(value));
      return;
    }
    let digits = 1;
    for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let at = this.size + digits - 1; at >= this.size; at--) {
      const tenth = (rest / 10) | 0;
      this.bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.size += digits;
  }

  private fourDigits(value: number): void {
    this.bytes[this.size++] = ZERO + ((value / 1000) | 0);
    this.bytes[this.size++] = ZERO + (((value / 100) | 0) % 10);
    this.bytes[this.size++] = ZERO + (((value / 10) | 0) % 10);
    this.bytes[this.size++] = ZERO + (value % 10);
  }
}

/** `"yyyy-MM-dd HH:mm:ss.SSS"` in UTC; the part before the milliseconds is kept while the second lasts. */
class SqlTimestamp {
  private second = Number.NaN;
  private bytes = new Uint8Array(0);

  of(ms: number): Uint8Array {
    const second = Math.floor(ms / 1000);
    if (second !== this.second) {
      this.second = second;
      this.bytes = Buffer.from(
        `"${new Date(second * 1000).toISOString().replace("T", " ").slice(0, 23)}"`,
      );
    }
    const millis = ms - second * 1000;
    this.bytes[21] = ZERO + ((millis / 100) | 0);
    this.bytes[22] = ZERO + (((millis / 10) | 0) % 10);
    this.bytes[23] = ZERO + (millis % 10);
    return this.bytes;
  }
}
