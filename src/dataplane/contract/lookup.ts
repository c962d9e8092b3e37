/**
 * Lookup tables: what a connector's table must say to be asked by key (FOR SYSTEM_TIME AS OF a processing time), and how an
 * operator reads it.
 *
 * Flow:    WITH clause → readLookupOptions() → operators/lookup-join, which reads the whole table through TableScan into its
 *          cache (`lookup.cache` = FULL) before the first row, and again as the reload options say.
 * Errors:  MR1003 a cache that the connector has not, reload options that do not go together.
 * Source:  Flink LookupOptions, FullCachingLookupProvider; CachePeriodic- and CacheTimedReloadTrigger.
 */
import { baseErrors } from "../../foundation/base/errors.ts";
import type { BatchPtr } from "../../foundation/columnar/batch.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import type {
  LookupJoinNode,
  TableSourceScanNode,
  VectorSearchTableFunctionNode,
} from "../../foundation/plan/exec-node.ts";
import { OptionReader, type TableOption, type TableOptions } from "./table-option.ts";

/** Reads a bounded table from its beginning, beside the sources of the job. */
export interface TableScan {
  /** Each batch is valid during its call. Resolves behind the last; rejects with a catalogue error. */
  read(receive: (batch: BatchPtr) => void): Promise<void>;
  /** Ends a read that is under way. */
  close(): Promise<void>;
}

/** A table that is asked by key. */
export interface KeyedLookup {
  /** For each key (values of the lookup's key columns, in their order, none NULL) the rows: the columns of its projection. */
  lookup(keys: readonly (readonly Value[])[]): Promise<readonly (readonly (readonly Value[])[])[]>;
  /** Ends requests that are under way. Idempotent. */
  close(): Promise<void>;
}

const CACHE = "lookup.cache";
const STRATEGY = "lookup.full-cache.reload-strategy";
const INTERVAL = "lookup.full-cache.periodic-reload.interval";
const MODE = "lookup.full-cache.periodic-reload.schedule-mode";
const ISO_TIME = "lookup.full-cache.timed-reload.iso-time";
const DAYS = "lookup.full-cache.timed-reload.interval-in-days";

/** For connectors whose tables are kept whole. */
export const FULL_CACHE_OPTIONS: readonly TableOption[] = [
  {
    key: CACHE,
    type: "enum",
    values: ["FULL", "PARTIAL", "NONE"],
    default: "FULL",
    description:
      "How rows are kept for lookups: FULL reads the whole table before the first row; PARTIAL keeps the keys that were asked for, NONE none: the table is asked by key, or read for the keys that wait.",
  },
  {
    key: STRATEGY,
    type: "enum",
    values: ["PERIODIC", "TIMED"],
    default: "PERIODIC",
    description: "Whether the table is read again after an interval or at a time of day.",
  },
  {
    key: INTERVAL,
    type: "duration",
    description: "PERIODIC: time between two reads; without it the table is read once.",
  },
  {
    key: MODE,
    type: "enum",
    values: ["FIXED_DELAY", "FIXED_RATE"],
    default: "FIXED_DELAY",
    description: "PERIODIC: the interval counts from the end (FIXED_DELAY) or the start of a read.",
  },
  {
    key: ISO_TIME,
    type: "string",
    description: "TIMED: time of day of a read, for example 10:15, 10:15Z or 10:15+08:00.",
  },
  {
    key: DAYS,
    type: "integer",
    default: "1",
    min: 1,
    max: 3650,
    description: "TIMED: days between two reads.",
  },
];

const ACCESS = "lookup.partial-cache.expire-after-access";
const WRITE = "lookup.partial-cache.expire-after-write";
const MAX_ROWS = "lookup.partial-cache.max-rows";
const MISSING = "lookup.partial-cache.cache-missing-key";

/** For connectors whose tables can be asked by key, or read for some keys. */
export const PARTIAL_CACHE_OPTIONS: readonly TableOption[] = [
  {
    key: ACCESS,
    type: "duration",
    description: "PARTIAL: how long a key is kept after it was asked for.",
  },
  {
    key: WRITE,
    type: "duration",
    description: "PARTIAL: how long a key is kept after its rows were read.",
  },
  { key: MAX_ROWS, type: "integer", min: 1, description: "PARTIAL: the most keys that are kept." },
  {
    key: MISSING,
    type: "boolean",
    default: "true",
    description: "PARTIAL: whether keys without rows are kept.",
  },
];

export interface PartialCache {
  readonly expireAfterAccessMs?: number;
  readonly expireAfterWriteMs?: number;
  /** Keys, as Flink counts them. */
  readonly maxRows?: number;
  readonly cacheMissingKey: boolean;
}

export interface LookupOptions {
  /** The table is asked by key. */
  readonly byKey?: true;
  readonly partial?: PartialCache;
  /** When the table is read again; absent = never. */
  readonly reload?:
    | { readonly kind: "periodic"; readonly intervalMs: number; readonly fixedRate: boolean }
    | { readonly kind: "timed"; readonly millisOfDay: number; readonly days: number };
}

/** `zoneOffsetMs`: of the session's zone, for times of day without one. */
export function readLookupOptions(
  owner: string,
  options: TableOptions,
  zoneOffsetMs: number,
): LookupOptions {
  const all = [...FULL_CACHE_OPTIONS, ...PARTIAL_CACHE_OPTIONS];
  const known = new Set(all.map(({ key }) => key));
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => known.has(key)));
  const reader = new OptionReader(owner, all, own);
  const cache = reader.choice(CACHE);
  checkCache(cache, own);
  if (cache === "NONE") return { byKey: true };
  if (cache === "PARTIAL") return { byKey: true, partial: partialCache(reader) };
  const timed = reader.choice(STRATEGY) === "TIMED";
  const wrong = [timed ? INTERVAL : ISO_TIME, timed ? MODE : DAYS].find((key) => reader.has(key));
  if (wrong !== undefined)
    throw baseErrors.OPTION_INVALID({
      key: wrong,
      value: own[wrong] ?? "",
      expected: `'${STRATEGY}' = '${timed ? "PERIODIC" : "TIMED"}' beside it`,
    });
  if (timed) {
    const millisOfDay = timeOfDay(reader.string(ISO_TIME), zoneOffsetMs);
    return { reload: { kind: "timed", millisOfDay, days: reader.number(DAYS) } };
  }
  if (!reader.has(INTERVAL)) {
    if (!reader.has(STRATEGY) && !reader.has(MODE)) return {};
    throw baseErrors.OPTION_MISSING({ key: INTERVAL, owner });
  }
  const intervalMs = reader.durationMs(INTERVAL);
  if (intervalMs < 1)
    throw baseErrors.OPTION_INVALID({ key: INTERVAL, value: "0", expected: "at least 1 ms" });
  const fixedRate = reader.choice(MODE) === "FIXED_RATE";
  return { reload: { kind: "periodic", intervalMs, fixedRate } };
}

/** Options of another cache than the one that is chosen would be ignored. */
function checkCache(cache: string, own: TableOptions): void {
  const other = (prefix: string) => Object.keys(own).find((key) => key.startsWith(prefix));
  const wrong =
    (cache === "FULL" ? undefined : other("lookup.full-cache.")) ??
    (cache === "PARTIAL" ? undefined : other("lookup.partial-cache."));
  if (wrong === undefined) return;
  const expected = `'${CACHE}' = '${wrong.includes("full") ? "FULL" : "PARTIAL"}' beside it`;
  throw baseErrors.OPTION_INVALID({ key: wrong, value: own[wrong] ?? "", expected });
}

function partialCache(reader: OptionReader): PartialCache {
  return {
    ...(reader.has(ACCESS) ? { expireAfterAccessMs: reader.durationMs(ACCESS) } : {}),
    ...(reader.has(WRITE) ? { expireAfterWriteMs: reader.durationMs(WRITE) } : {}),
    ...(reader.has(MAX_ROWS) ? { maxRows: reader.number(MAX_ROWS) } : {}),
    cacheMissingKey: reader.boolean(MISSING),
  };
}

const DAY_MS = 86_400_000;
const ISO_PATTERN = /^(\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:\d\d)?$/;

/** Milliseconds after midnight UTC. */
function timeOfDay(text: string, zoneOffsetMs: number): number {
  const match = ISO_PATTERN.exec(text);
  const [hours, minutes, seconds] = (match?.slice(1, 4) ?? []).map((part) => Number(part ?? 0));
  if (match === null || hours! > 23 || minutes! > 59 || seconds! > 59)
    throw baseErrors.OPTION_INVALID({
      key: ISO_TIME,
      value: text,
      expected: "a time such as 10:15, 10:15:30Z or 10:15+08:00",
    });
  const local = ((hours! * 60 + minutes!) * 60 + seconds!) * 1000;
  return (((local - offsetOf(match[4], zoneOffsetMs)) % DAY_MS) + DAY_MS) % DAY_MS;
}

function offsetOf(zone: string | undefined, zoneOffsetMs: number): number {
  if (zone === undefined) return zoneOffsetMs;
  if (zone === "Z") return 0;
  const [hours, minutes] = zone.slice(1).split(":").map(Number) as [number, number];
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** The first read after `now` (epoch milliseconds), counted from the end or the start of the last one. */
export function nextReloadMs(
  { reload }: LookupOptions,
  last: { readonly startMs: number; readonly endMs: number },
): number | undefined {
  if (reload === undefined) return undefined;
  if (reload.kind === "periodic") {
    const planned = (reload.fixedRate ? last.startMs : last.endMs) + reload.intervalMs;
    return Math.max(planned, last.endMs);
  }
  const midnight = Math.floor(last.endMs / DAY_MS) * DAY_MS;
  const first = midnight + reload.millisOfDay;
  const next = first > last.endMs ? first : first + DAY_MS;
  return next + (reload.days - 1) * DAY_MS;
}

/** The scan of a table that vectors are looked up in: all of its columns. */
export function vectorScanOf(node: VectorSearchTableFunctionNode): TableSourceScanNode {
  const { table, id, uid, description } = node;
  return {
    type: "TableSourceScan",
    id,
    uid: `${uid}-table`,
    inputs: [],
    output: table.schema,
    changelogMode: "insert-only",
    upsertKeys: [],
    description,
    table,
    projection: table.schema.fields.map((_, index) => [index]),
    bounded: true,
  };
}

/** The scan that reads a lookup join's table: the columns of its projection. */
export function lookupScanOf(node: LookupJoinNode): TableSourceScanNode {
  const { table, projection, id, uid, description } = node;
  const fields = projection.map(([column]) => table.schema.fields[column!]!);
  return {
    type: "TableSourceScan",
    id,
    uid: `${uid}-table`,
    inputs: [],
    output: { fields },
    changelogMode: "insert-only",
    upsertKeys: [],
    description,
    table,
    projection,
    bounded: true,
  };
}
