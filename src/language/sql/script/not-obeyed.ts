/**
 * Keys of Flink's that this engine does not obey, and why: they can only be set to what is so anyway.
 *
 * Flow:    session-options.ts → here. Errors: MR2139.
 */
import { parseDuration } from "../../../foundation/base/duration.ts";
import { validateErrors } from "../errors.ts";

/** Values beside the default that a key of Flink's which is not obeyed may have: they say what is so here anyway. */
const ALSO_SO: Readonly<Record<string, readonly string[]>> = {
  "execution.checkpointing.incremental": ["true"],
  "pipeline.object-reuse": ["true"],
  "table.dml-sync": ["true"],
  "table.exec.sink.keyed-shuffle": ["FORCE"],
  "table.optimizer.delta-join.strategy": ["NONE"],
};

const ONE_WAY = "this engine has one way of doing that";
const CLUSTER = "it is for a Flink cluster's processes";
const NO_INDEX = "a delta join asks its tables by an index, and no connector has one";
/** Why keys of Flink's are not obeyed: by key, or by the beginning of keys (ending in a dot or hyphen). */
const REASONS: Readonly<Record<string, string>> = {
  "execution.batch-shuffle-mode": "tasks of batch mode hand rows on through memory",
  "execution.batch.": "batch jobs run as planned, and a failed one starts anew",
  "execution.checkpointing.aligned-checkpoint-timeout": "barriers are always aligned",
  "execution.checkpointing.unaligned.": "barriers are always aligned",
  "execution.checkpointing.file-merging.": "a checkpoint has one file for each subtask",
  "execution.checkpointing.": "checkpoints are written in one way",
  "execution.state-recovery.claim-mode": "a savepoint stays its owner's, as with NO_CLAIM",
  "execution.state-recovery.": "state is read back from checkpoint storage",
  "execution.sorted-inputs.": "batch mode needs no sorted inputs",
  "execution.async-state.": "state is in memory, or a page fault away",
  "execution.": CLUSTER,
  "pipeline.auto-watermark-interval": "watermarks go out with every batch of rows",
  "pipeline.operator-chaining.": "operators without an exchange between them are always one task",
  "pipeline.watermark-alignment.":
    "sources are aligned subtask by subtask: scan.watermark.alignment.group on their tables",
  "pipeline.": "rows are no Java objects, and jobs are no jars",
  "table.builtin-": "the names of the first catalog and database are fixed",
  "table.catalog-": "catalogs live in the session",
  "table.secret-store.": "there are no secret stores",
  "table.column-expansion-strategy": "a star always stands for all columns: name those you want",
  "table.exec.async-state.": "state is in memory, or a page fault away",
  "table.exec.async-lookup.key-ordered-enabled": "changes of a key never pass each other",
  "table.exec.async-vector-search.": "the searched table is read before the first row",
  "table.exec.deduplicate.": "the first row of a key is always told as an insert",
  "table.exec.delta-join.": NO_INDEX,
  "table.exec.interval-join.": "rows leave an interval join's state as soon as none can match them",
  "table.exec.legacy-cast-behaviour": "casts follow the present rules",
  "table.exec.local-hash-agg.": "local aggregates do not turn themselves off",
  "table.exec.rank.": "Top-N keeps its rows in state: there is no separate cache to size",
  "table.exec.resource.": "a worker has one budget of memory: taskmanager.memory.managed.size",
  "table.exec.spill-compression.": "what goes to local disk is not compressed",
  "table.exec.sink.keyed-shuffle": "sinks with a key are always fed by key",
  "table.exec.sink.rowtime-inserter": "the time attribute is always written as the row's time",
  "table.exec.sink.upsert-materialize-strategy.": "rows before an upsert sink are kept in one way",
  "table.exec.uid.": "state is found by keys and inputs, not by an operator's number",
  "table.exec.unbounded-over.": "OVER is the second version",
  "table.optimizer.delta-join.": NO_INDEX,
  "table.optimizer.dynamic-filtering.": "files are filtered by what the query says",
  "table.optimizer.ptf.": "a process table function takes 20 tables at most",
  "table.optimizer.skewed-join-optimization.": "batch jobs run as planned",
  "table.optimizer.adaptive-broadcast-join.": "batch jobs run as planned",
  "table.resources.": "there are no jars to download",
  "table.rtas-ctas.": "the table is there as soon as its query has been planned",
};

/** Throws MR2139 unless the value is the default, or what is so here anyway. */
export function checkUnchanged(key: string, value: string, ownDefault: string): void {
  const so = unchangedValues(key, ownDefault);
  if (so.some((each) => isSame(each, value))) return;
  const remedy =
    ownDefault === ""
      ? "Take the SET out."
      : `Take the SET out, or leave it at ${so.join(" or ")}.`;
  throw validateErrors.OPTION_REFUSED({ key, value, reason: reasonOf(key), remedy });
}

/** What a key that is not obeyed may be set to. */
export function unchangedValues(key: string, ownDefault: string): readonly string[] {
  return [ownDefault, ...(ALSO_SO[key] ?? [])];
}

function isSame(a: string, b: string): boolean {
  const plain = (text: string) => text.toLowerCase().replaceAll(/\s/g, "");
  if (plain(a) === plain(b)) return true;
  const [x, y] = [parseDuration(a), parseDuration(b)];
  return x !== undefined && x === y;
}

/** Why a key of Flink's is not obeyed. */
export function reasonOf(key: string): string {
  const fits = Object.keys(REASONS).filter((each) => key === each || isBeginning(each, key));
  const longest = fits.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? ONE_WAY : REASONS[longest]!;
}

const isBeginning = (start: string, key: string) => /[.-]$/.test(start) && key.startsWith(start);
