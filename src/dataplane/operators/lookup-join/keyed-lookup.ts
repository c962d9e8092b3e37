/**
 * Lookups by key: an asker for a lookup join whose table is not kept whole (`lookup.cache` = NONE or PARTIAL).
 *
 * Flow:    keys of rows → cache (PARTIAL) → the connector's KeyedLookup, or reads of the table (scan-lookup.ts) → rows.
 * Cache:   answers by key, in the memory of the worker, not in state: it is empty after a restart. Keys without rows are kept
 *          as well unless `cache-missing-key` says otherwise. The key that was asked for the longest ago goes first.
 * Metrics: hitCount, missCount, loadCount, numLoadFailures, numCachedRecords (rows).
 * Source:  Flink CachingAsyncLookupFunction, DefaultLookupCache.
 */
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import { identity } from "../../codegen/functions/column-values.ts";
import type { KeyedLookup, PartialCache } from "../../contract/lookup.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { Answer, Asker } from "../async-correlate/async-requests.ts";

interface Cached {
  readonly answer: Answer;
  readonly writtenMs: number;
  readMs: number;
}

const NONE: Answer = [];

export function lookupAsker(
  name: string,
  lookup: KeyedLookup,
  options: { readonly cache: PartialCache | undefined; readonly context: OperatorContext },
): Asker {
  const { context, cache: limits } = options;
  const cache = limits === undefined ? undefined : new AnswerCache(limits, context);
  const count = (counter: string) => context.metrics.counter(counter);
  const load = async (rows: readonly (readonly Value[])[]): Promise<readonly Answer[]> => {
    count("loadCount").value++;
    try {
      return await lookup.lookup(rows);
    } catch (error) {
      count("numLoadFailures").value++;
      throw error;
    }
  };
  return {
    name,
    ask: (rows, again) => {
      const missing = new Map<string, readonly Value[]>();
      // What is asked again because nothing was found is not to be found in the cache.
      const known = rows.map((row) => {
        if (row.includes(null)) return NONE;
        const found = again === true ? undefined : cache?.get(identity(row));
        if (cache !== undefined) count(found === undefined ? "missCount" : "hitCount").value++;
        if (found === undefined) missing.set(identity(row), row);
        return found;
      });
      if (missing.size === 0) return known.map((answer) => Promise.resolve(answer!));
      const keys = [...missing.keys()];
      const loaded = load([...missing.values()]).then((answers) => {
        keys.forEach((key, i) => {
          cache?.put(key, answers[i]!);
        });
        return new Map(keys.map((key, i) => [key, answers[i]!]));
      });
      return known.map((answer, i) =>
        answer === undefined
          ? loaded.then((all) => all.get(identity(rows[i]!)) ?? NONE)
          : Promise.resolve(answer),
      );
    },
    close: () => {
      // What a reader says when it is stopped no longer matters.
      lookup.close().catch(() => undefined);
    },
  };
}

class AnswerCache {
  readonly #limits: PartialCache;
  readonly #context: OperatorContext;
  /** In the order in which they were asked for. */
  readonly #entries = new Map<string, Cached>();
  #rows = 0;

  constructor(limits: PartialCache, context: OperatorContext) {
    this.#limits = limits;
    this.#context = context;
    context.metrics.gauge("numCachedRecords", () => this.#rows);
  }

  get(key: string): Answer | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#remove(key, found);
    const now = this.#context.clock.nowMs();
    const { expireAfterAccessMs = Infinity, expireAfterWriteMs = Infinity } = this.#limits;
    if (now - found.readMs >= expireAfterAccessMs || now - found.writtenMs >= expireAfterWriteMs)
      return undefined;
    found.readMs = now;
    this.#insert(key, found);
    return found.answer;
  }

  put(key: string, answer: Answer): void {
    const old = this.#entries.get(key);
    if (old !== undefined) this.#remove(key, old);
    if (answer.length === 0 && !this.#limits.cacheMissingKey) return;
    const now = this.#context.clock.nowMs();
    this.#insert(key, { answer, writtenMs: now, readMs: now });
    const { maxRows = Infinity } = this.#limits;
    for (const [first, entry] of this.#entries) {
      if (this.#entries.size <= maxRows) break;
      this.#remove(first, entry);
    }
  }

  #insert(key: string, entry: Cached): void {
    this.#entries.set(key, entry);
    this.#rows += entry.answer.length;
  }

  #remove(key: string, entry: Cached): void {
    this.#entries.delete(key);
    this.#rows -= entry.answer.length;
  }
}
