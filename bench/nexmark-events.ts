/**
 * Nexmark events as files of wide JSON lines, made once and kept in the cache.
 *
 * Flow:    nexmark/event-generator → nexmark/event-lines → here → both engines' filesystem sources.
 * Shapes:  <cache>/bench/<name>/part-<i>.json; blocks of BLOCK events go to the parts in turn, so every part
 *          is in the order of event time and readers of equal speed stay together.
 * Limits:  about 330 bytes an event; a folder is complete once its events.json exists.
 * Command: node bench/nexmark-events.ts --events N [--rate N] [--parts N] prints the folder.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { parseArguments, wholeNumber } from "./arguments.ts";
import { defaultGeneratorConfig, NexmarkGenerator } from "./nexmark/event-generator.ts";
import { EventLineWriter } from "./nexmark/event-lines.ts";
import { cacheFolder } from "./paths.ts";
import { progress } from "./progress.ts";

const BLOCK = 1_000;
const BUFFER_BYTES = 4 << 20;

export interface EventFilesRequest {
  readonly events: number;
  readonly rate: number;
  readonly parts: number;
  readonly seedGen?: number;
  readonly seedExtra?: number;
  readonly seedChannel?: number;
}

export interface EventFiles {
  readonly folder: string;
  readonly events: number;
  readonly bids: number;
  readonly bytes: number;
}

export function nexmarkEventFiles(request: EventFilesRequest): EventFiles {
  const { seedGen, seedExtra, seedChannel } = { ...defaultGeneratorConfig, ...request };
  const seeds = [seedGen, seedExtra, seedChannel].join("-");
  const name = `nexmark-${request.events}-rate${request.rate}-parts${request.parts}-seeds${seeds}`;
  const folder = cacheFolder("bench", name);
  const summaryFile = join(folder, "..", `${name}.json`);
  if (!existsSync(summaryFile)) {
    progress(`writing ${request.events.toLocaleString("en-US")} events to ${folder}`);
    const summary = writeEventFiles(folder, request);
    writeFileSync(`${summaryFile}.partial`, JSON.stringify(summary));
    renameSync(`${summaryFile}.partial`, summaryFile);
  }
  const summary = JSON.parse(readFileSync(summaryFile, "utf8")) as Omit<EventFiles, "folder">;
  return { ...summary, folder };
}

/** Reads the files through once, so that their pages are in memory. */
export function readEventFiles({ folder }: EventFiles): void {
  const block = new Uint8Array(BUFFER_BYTES);
  for (const name of readdirSync(folder)) {
    const file = openSync(join(folder, name), "r");
    while (readSync(file, block) > 0);
    closeSync(file);
  }
}

function writeEventFiles(folder: string, request: EventFilesRequest): Omit<EventFiles, "folder"> {
  const { events, rate, parts, ...seeds } = request;
  const generator = new NexmarkGenerator({ ...defaultGeneratorConfig, ...seeds, rate });
  const writers = Array.from({ length: parts }, (_, i) => ({
    file: openSync(join(folder, `part-${i}.json`), "w"),
    lines: new EventLineWriter("wide", generator.tables, BUFFER_BYTES),
  }));
  let bids = 0;
  let bytes = 0;
  const flush = (writer: (typeof writers)[number]) => {
    const { lines, file } = writer;
    for (let at = 0; at < lines.size; ) at += writeSync(file, lines.bytes, at, lines.size - at);
    bytes += lines.size;
    lines.size = 0;
  };
  for (let i = 0; i < events; i++) {
    const writer = writers[Math.floor(i / BLOCK) % parts]!;
    const event = generator.next();
    if (event.type === 2) bids++;
    writer.lines.write(event);
    if (writer.lines.full) flush(writer);
  }
  for (const writer of writers) {
    flush(writer);
    closeSync(writer.file);
  }
  return { events, bids, bytes };
}

if (import.meta.main) {
  const { options } = parseArguments(process.argv.slice(2), {
    events: "value",
    rate: "value",
    parts: "value",
  });
  const files = nexmarkEventFiles({
    events: wholeNumber(options, "events", 1_000_000),
    rate: wholeNumber(options, "rate", defaultGeneratorConfig.rate),
    parts: wholeNumber(options, "parts", 1),
  });
  process.stdout.write(`${JSON.stringify(files)}\n`);
}
