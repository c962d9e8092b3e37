/** Options of the nexmark connector. Source: NexmarkSourceOptions of nexmark-flink; seeds and base time are ours. */
import { WATERMARK_OPTIONS } from "../../contract/watermark-options.ts";
import { baseErrors } from "../../../foundation/base/errors.ts";
import { OptionReader, type TableOption, type TableOptions } from "../../contract/table-option.ts";

function count(key: string, value: number, description: string, min = 1): TableOption {
  return { key, type: "integer", default: String(value), min, max: 2 ** 31 - 1, description };
}

const NO_EFFECT = "Accepted for compatibility; it has no effect in the original either.";

export const NEXMARK_OPTIONS: readonly TableOption[] = [
  ...WATERMARK_OPTIONS,
  { key: "connector", type: "string", required: true, description: "`nexmark`." },
  count("first-event.rate", 10000, "Events per second of event time."),
  count("next-event.rate", 10000, "Must equal first-event.rate: the rate is constant."),
  {
    key: "events.num",
    type: "integer",
    default: "0",
    min: 0,
    description: "How many events there are in all; 0 = without end.",
  },
  count("person.proportion", 1, "Persons among person + auction + bid consecutive events."),
  count("auction.proportion", 3, "Auctions among them."),
  count("bid.proportion", 46, "Bids among them.", 0),
  count("person.avg-size", 200, "Average bytes of a person."),
  count("auction.avg-size", 500, "Average bytes of an auction."),
  count("bid.avg-size", 100, "Average bytes of a bid."),
  count("bid.hot-ratio.auctions", 2, "One bid in this many is for an auction that is not hot."),
  count("bid.hot-ratio.bidders", 4, "One bid in this many is by a bidder that is not hot."),
  count("auction.hot-ratio.sellers", 4, "One auction in this many is by a seller that is not hot."),
  {
    key: "keep-alive",
    type: "boolean",
    default: "false",
    description: "Stays running, idle, when all events are made.",
  },
  {
    key: "stop-at",
    type: "integer",
    default: "-1",
    min: -1,
    description: "Each generator stops after this many events; -1 = never.",
  },
  {
    key: "max-emit-speed",
    type: "boolean",
    default: "true",
    description: "Emits as fast as possible; otherwise at the pace of the wall clock.",
  },
  { key: "rate.shape", type: "enum", values: ["SQUARE", "SINE"], description: NO_EFFECT },
  { key: "rate.period", type: "duration", description: NO_EFFECT },
  { key: "rate.limited", type: "boolean", description: NO_EFFECT },
  {
    key: "base-time",
    type: "integer",
    min: 0,
    description: "Event time of the start, epoch milliseconds; default: now.",
  },
  count("out-of-order.group-size", 1, "Events are shuffled within groups of this many."),
  { key: "seed.gen", type: "integer", default: "1", description: "Seed of the events." },
  { key: "seed.extra", type: "integer", default: "2", description: "Seed of the filling texts." },
  { key: "seed.channel", type: "integer", default: "3", description: "Seed of channels and URLs." },
];

export interface NexmarkOptions {
  readonly rate: number;
  readonly eventsNum: number;
  readonly persons: number;
  readonly auctions: number;
  readonly bids: number;
  readonly personSize: number;
  readonly auctionSize: number;
  readonly bidSize: number;
  readonly hotAuctions: number;
  readonly hotBidders: number;
  readonly hotSellers: number;
  readonly keepAlive: boolean;
  readonly stopAt: number;
  readonly maxEmitSpeed: boolean;
  readonly baseTimeMs: number | undefined;
  readonly groupSize: number;
  readonly seedGen: number;
  readonly seedExtra: number;
  readonly seedChannel: number;
}

export function readNexmarkOptions(options: TableOptions): NexmarkOptions {
  const reader = new OptionReader("connector nexmark", NEXMARK_OPTIONS, options);
  const rate = reader.number("first-event.rate");
  if (reader.has("next-event.rate") && reader.number("next-event.rate") !== rate)
    throw baseErrors.UNSUPPORTED({
      what: "a 'next-event.rate' that differs from 'first-event.rate'",
      remedy: "The original ignores it: give both the same value.",
    });
  return {
    rate,
    eventsNum: reader.number("events.num"),
    persons: reader.number("person.proportion"),
    auctions: reader.number("auction.proportion"),
    bids: reader.number("bid.proportion"),
    personSize: reader.number("person.avg-size"),
    auctionSize: reader.number("auction.avg-size"),
    bidSize: reader.number("bid.avg-size"),
    hotAuctions: reader.number("bid.hot-ratio.auctions"),
    hotBidders: reader.number("bid.hot-ratio.bidders"),
    hotSellers: reader.number("auction.hot-ratio.sellers"),
    keepAlive: reader.boolean("keep-alive"),
    stopAt: reader.number("stop-at"),
    maxEmitSpeed: reader.boolean("max-emit-speed"),
    baseTimeMs: reader.has("base-time") ? reader.number("base-time") : undefined,
    groupSize: reader.number("out-of-order.group-size"),
    seedGen: reader.number("seed.gen"),
    seedExtra: reader.number("seed.extra"),
    seedChannel: reader.number("seed.channel"),
  };
}
