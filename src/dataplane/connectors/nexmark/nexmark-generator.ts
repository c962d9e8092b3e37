/**
 * NexmarkGenerator: one stream of events in the worker's memory, with the tables that all of them share.
 *
 * Flow:    NexmarkReader → here → kernels/nexmark.as.ts.
 * Layout:  as in the kernel's header. Tables (pool, channels, names) are 2 MiB, built once per reader.
 */
import type { WorkerRuntime } from "../../contract/operator.ts";
import { allocateFixed, type FixedMemory } from "../fixed-memory.ts";
import type { NexmarkOptions } from "./nexmark-options.ts";
import type { NexmarkSplit } from "./nexmark-split.ts";

const GENERATOR_BYTES = 256;
const STATE = 0;
const PRODUCED = 8;
/** Slots of the generator's columns. */
const BID_CHANNEL = 25;
const BID_URL = 26;

const WORDS = [
  "Google Facebook Baidu Apple".split(" "),
  "Peter Paul Luke John Saul Vicky Kate Julie Sarah Deiter Walter"
    .split(" ")
    .flatMap((first) =>
      "Shultz Abrams Spencer White Bartels Walton Smith Jones Noris"
        .split(" ")
        .map((last) => `${first} ${last}`),
    ),
  "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(","),
  "AZ CA ID OR WA WY".split(" "),
].flat();

/** As nexmarkBuildTables reads it: two URL parts, then fixed places for the two prefixes, then the words. */
function constantTexts(): Uint8Array {
  const head = `${"https://www.nexmark.com/"}${"/item.htm?query=1"}\0${"&channel_id="}\0${"channel-"}\0`;
  return new TextEncoder().encode(`${head}${WORDS.join("\0")}\0`);
}

export class NexmarkGenerator {
  readonly #runtime: WorkerRuntime;
  readonly #tables: FixedMemory;
  readonly #memory: FixedMemory;
  readonly #options: NexmarkOptions;
  readonly #outputs: readonly number[];

  constructor(runtime: WorkerRuntime, options: NexmarkOptions, outputs: readonly number[]) {
    this.#runtime = runtime;
    this.#options = options;
    this.#outputs = outputs;
    const { kernels } = runtime;
    this.#tables = allocateFixed(runtime, kernels.nexmarkTableBytes() >>> 0, "nexmark");
    this.#memory = allocateFixed(runtime, GENERATOR_BYTES + outputs.length * 4, "nexmark");
    const texts = constantTexts();
    const words = allocateFixed(runtime, texts.length, "nexmark");
    new Uint8Array(runtime.memory.buffer).set(texts, words.address);
    const { seedExtra, seedChannel } = options;
    kernels.nexmarkBuildTables(
      this.#tables.address,
      words.address,
      BigInt(seedExtra),
      BigInt(seedChannel),
      Number(outputs.includes(BID_CHANNEL) || outputs.includes(BID_URL)),
    );
    words.release();
  }

  /** Continues where the split says. */
  start(split: NexmarkSplit): void {
    const view = this.#view();
    const at = this.#memory.address;
    const o = this.#options;
    view.setBigUint64(at + STATE, BigInt(`0x${split.random}`), true);
    view.setBigInt64(at + PRODUCED, BigInt(split.produced), true);
    view.setBigInt64(at + 16, BigInt(split.firstEventId), true);
    view.setBigInt64(at + 24, BigInt(split.firstEventNumber), true);
    view.setBigInt64(at + 32, BigInt(split.maxEvents), true);
    view.setBigInt64(at + 40, BigInt(split.baseTimeMs), true);
    view.setFloat64(at + 48, split.delayUs, true);
    const total = o.persons + o.auctions + o.bids;
    const words = [
      ...[o.persons, o.auctions, total, o.personSize, o.auctionSize, o.bidSize],
      ...[o.hotAuctions, o.hotBidders, o.hotSellers, o.groupSize],
      ...[this.#tables.address, at + GENERATOR_BYTES, this.#outputs.length],
      this.#outputs.reduce((bits, slot) => bits | (1 << slot), 0) >>> 0,
    ];
    words.forEach((word, i) => {
      view.setUint32(at + 56 + i * 4, word, true);
    });
    this.#outputs.forEach((slot, i) => {
      view.setUint32(at + GENERATOR_BYTES + i * 4, slot, true);
    });
  }

  /** At most `rows` events; 0 at the end. */
  generate(rows: number): number {
    return this.#runtime.kernels.nexmarkGenerate(this.#memory.address, rows) >>> 0;
  }

  /** Events so far, and the state of the random source. */
  position(): { readonly produced: number; readonly random: string } {
    const view = this.#view();
    const at = this.#memory.address;
    return {
      produced: Number(view.getBigInt64(at + PRODUCED, true)),
      random: view.getBigUint64(at + STATE, true).toString(16),
    };
  }

  close(): void {
    this.#tables.release();
    this.#memory.release();
  }

  #view(): DataView {
    return new DataView(this.#runtime.memory.buffer);
  }
}
