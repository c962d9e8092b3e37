/**
 * Keys of SET: what this engine obeys, what it knows and does otherwise, and what nobody knows.
 *
 * Rule:    SET takes every key, as Flink's does. A value that an obeyed key cannot have is refused (MR2126); a key without effect
 *          is answered with MR2256 and the reason, an unknown one with MR2255 and "did you mean".
 * Source:  Flink ExecutionConfigOptions, OptimizerConfigOptions, TableConfigOptions, CheckpointingOptions, PipelineOptions.
 */
import { nearest } from "../../../foundation/base/text.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import { sqlWarnings, validateErrors } from "../errors.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";

type Check = "text" | "boolean" | "duration" | "integer" | readonly string[];

const TEXT = "text";
const RUNTIME_MODES = ["streaming", "batch"];
const OBEYED: Readonly<Record<string, Check>> = {
  "execution.runtime-mode": RUNTIME_MODES,
  "execution.buffer-timeout.interval": "duration",
  "execution.checkpointing.interval": "duration",
  "execution.checkpointing.min-pause": "duration",
  "execution.checkpointing.timeout": "duration",
  "execution.checkpointing.max-concurrent-checkpoints": "integer",
  "execution.checkpointing.tolerable-failed-checkpoints": "integer",
  "execution.checkpointing.num-retained": "integer",
  "execution.checkpointing.checkpoints-after-tasks-finish": "boolean",
  "execution.checkpointing.mode": ["EXACTLY_ONCE", "AT_LEAST_ONCE"],
  "execution.checkpointing.dir": TEXT,
  "execution.checkpointing.savepoint-dir": TEXT,
  "execution.checkpointing.unaligned.enabled": "boolean",
  "execution.checkpointing.externalized-checkpoint-retention": [
    "NO_EXTERNALIZED_CHECKPOINTS",
    "DELETE_ON_CANCELLATION",
    "RETAIN_ON_CANCELLATION",
  ],
  "execution.savepoint.ignore-unclaimed-state": "boolean",
  "execution.state-recovery.ignore-unclaimed-state": "boolean",
  "execution.state-recovery.path": TEXT,
  "state.backend.gemini.local.dir": TEXT,
  "state.backend.rocksdb.localdir": TEXT,
  "state.backend.rocksdb.memory.fixed-per-slot": TEXT,
  "state.checkpoints.dir": TEXT,
  "state.savepoints.dir": TEXT,
  "parallelism.default": "integer",
  "pipeline.max-parallelism": "integer",
  "pipeline.name": TEXT,
  "restart-strategy": TEXT,
  "restart-strategy.type": TEXT,
  "restart-strategy.fixed-delay.attempts": "integer",
  "restart-strategy.fixed-delay.delay": "duration",
  "restart-strategy.failure-rate.delay": "duration",
  "restart-strategy.failure-rate.failure-rate-interval": "duration",
  "restart-strategy.failure-rate.max-failures-per-interval": "integer",
  "restart-strategy.exponential-delay.initial-backoff": "duration",
  "restart-strategy.exponential-delay.max-backoff": "duration",
  "restart-strategy.exponential-delay.backoff-multiplier": TEXT,
  "restart-strategy.exponential-delay.reset-backoff-threshold": "duration",
  "restart-strategy.exponential-delay.jitter-factor": TEXT,
  "restart-strategy.exponential-delay.attempts-before-reset-backoff": TEXT,
  "taskmanager.memory.managed.size": TEXT,
  "taskmanager.numberOfTaskSlots": "integer",
  "io.tmp.dirs": TEXT,
  "table.exec.deduplicate.mini-batch.compact-changes-enabled": "boolean",
  "table.exec.emit.allow-lateness": "duration",
  "table.exec.mini-batch.allow-latency": "duration",
  "table.exec.mini-batch.enabled": "boolean",
  "table.exec.mini-batch.size": "integer",
  "table.exec.sink.nested-constraint-enforcer": TEXT,
  "table.exec.sink.not-null-enforcer": ["ERROR", "DROP"],
  "table.exec.sink.require-on-conflict": "boolean",
  "table.exec.sink.type-length-enforcer": TEXT,
  "table.exec.sink.upsert-materialize": ["NONE", "AUTO", "FORCE"],
  "table.exec.source.cdc-events-duplicate": "boolean",
  "table.exec.source.idle-timeout": "duration",
  "table.exec.state.ttl": "duration",
  "table.local-time-zone": TEXT,
  "materialized-table.refresh-mode.freshness-threshold": "duration",
  "table.optimizer.agg-phase-strategy": ["AUTO", "ONE_PHASE", "TWO_PHASE"],
  "table.optimizer.bushy-join-reorder-threshold": "integer",
  "table.optimizer.join-reorder-enabled": "boolean",
  "table.optimizer.source.report-statistics-enabled": "boolean",
  "table.plan.compile.catalog-objects": ["ALL", "SCHEMA"],
  "table.plan.restore.catalog-objects": ["ALL", "ALL_ENFORCED", "IDENTIFIER"],
  "table.plan.force-recompile": "boolean",
  "table.display.max-column-width": "integer",
  "sql-client.display.max-column-width": "integer",
  "table.sql-dialect": ["default"],
  "millrace.metrics.interval": "duration",
  "millrace.savepoint.interval": "duration",
  "millrace.savepoint.num-retained": "integer",
};

const NOT_NEEDED = "this engine plans and runs that its own way, and results are the same";
const FLINKS = "it concerns a Flink cluster; it is passed on when a deployment's target is one";
/** Known to Flink, without effect here: by key or by the beginning of keys (ending in a dot). */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  "table.exec.resource.default-parallelism": "use parallelism.default",
  "table.exec.legacy-cast-behaviour": "casts follow the present rules",
  "table.exec.sink.keyed-shuffle": "sinks with a key are always fed by key",
  "table.exec.async-": NOT_NEEDED,
  "table.exec.deduplicate.": NOT_NEEDED,
  "table.exec.delta-join.": NOT_NEEDED,
  "table.exec.interval-join.": NOT_NEEDED,
  "table.exec.local-hash-agg.": NOT_NEEDED,
  "table.exec.rank.": "Top-N keeps its rows in state; there is no separate cache to size",
  "table.exec.sort.": NOT_NEEDED,
  "table.exec.spill-compression.": NOT_NEEDED,
  "table.exec.uid.": "state is found by the plan's own names",
  "table.exec.unbounded-over.": NOT_NEEDED,
  "table.exec.window-agg.": NOT_NEEDED,
  "table.exec.disabled-operators": NOT_NEEDED,
  "table.exec.shuffle-mode": NOT_NEEDED,
  "table.exec.sink.rowtime-inserter": NOT_NEEDED,
  "table.exec.sink.upsert-materialize-strategy.": NOT_NEEDED,
  "table.optimizer.reuse-sub-plan-enabled": "equal parts of a plan always run once",
  "table.optimizer.reuse-source-enabled": "a table that is read twice is always one source",
  "table.optimizer.": NOT_NEEDED,
  "table.dml-sync": "`millrace sql` waits for every INSERT; deployments never do",
  "table.dynamic-table-options.enabled": "OPTIONS hints are always obeyed",
  "table.column-expansion-strategy": "a star always stands for all columns",
  "table.rtas-ctas.": NOT_NEEDED,
  "table.resources.": FLINKS,
  "table.builtin-catalog-name": "it cannot change in a session",
  "table.builtin-database-name": "it cannot change in a session",
  "table.catalog-store.": "catalogs live in the session",
  "table.generated-code.": NOT_NEEDED,
  "table.plan.": NOT_NEEDED,
  "sql-client.": "say it on the command line: `millrace sql --help`",
  "sql-gateway.": FLINKS,
  "pipeline.": FLINKS,
  "execution.": FLINKS,
  "state.": FLINKS,
  "taskmanager.": FLINKS,
  "jobmanager.": FLINKS,
  "rest.": FLINKS,
  "metrics.": FLINKS,
  "high-availability.": FLINKS,
  "kubernetes.": FLINKS,
  "yarn.": FLINKS,
  "heartbeat.": FLINKS,
  "security.": FLINKS,
  "client.": FLINKS,
  "cluster.": FLINKS,
  "python.": FLINKS,
  "env.": FLINKS,
  "fs.": FLINKS,
  "s3.": FLINKS,
};

/** Throws MR2126 for a value that the key cannot have. */
export function checkSetting(key: string, value: string): void {
  const check = OBEYED[key];
  if (key === "table.sql-dialect") return checkDialect(key, value);
  if (check === undefined || check === "text") return;
  const expected = misfit(check, value.trim());
  if (expected !== undefined) throw validateErrors.OPTION_VALUE({ key, value, expected });
}

function checkDialect(key: string, value: string): void {
  const dialect = value.trim().toUpperCase();
  if (dialect === "DEFAULT") return;
  if (dialect === "HIVE")
    throw validateErrors.NOT_SUPPORTED({
      what: "The Hive dialect",
      remedy: "Leave 'table.sql-dialect' at 'default'.",
    });
  throw validateErrors.STATEMENT_INVALID({
    message: `No enum constant org.apache.flink.table.api.SqlDialect.${dialect}`,
    remedy: `The only value of '${key}' is 'default'.`,
  });
}

/** What is expected instead; undefined when the value fits. */
function misfit(check: Exclude<Check, "text">, value: string): string | undefined {
  switch (check) {
    case "boolean":
      return /^(true|false)$/i.test(value) ? undefined : "true or false";
    case "integer":
      return /^-?\d+$/.test(value) ? undefined : "a whole number";
    case "duration": {
      return parseDuration(value) === undefined ? "a duration such as '10 s'" : undefined;
    }
    default: {
      const known = check.some((one) => one.toLowerCase() === value.toLowerCase());
      return known ? undefined : `one of ${check.join(", ")}`;
    }
  }
}

/** What to say of a key that SET took; undefined: it is obeyed. */
export function settingWarning(key: string): MillraceError | undefined {
  if (OBEYED[key] !== undefined || key.startsWith("$internal.")) return undefined;
  const exact = WITHOUT_EFFECT[key];
  const near = exact === undefined ? nearest(key, [...Object.keys(OBEYED), ...wholeKeys]) : [];
  const reason = exact ?? (near.length > 0 ? undefined : reasonByPrefix(key));
  if (reason !== undefined) return sqlWarnings.OPTION_WITHOUT_EFFECT({ key, reason });
  return sqlWarnings.OPTION_UNKNOWN({ key }, { didYouMean: near });
}

const wholeKeys = Object.keys(WITHOUT_EFFECT).filter((key) => !/[.-]$/.test(key));

function reasonByPrefix(key: string): string | undefined {
  const prefix = Object.keys(WITHOUT_EFFECT).find(
    (each) => /[.-]$/.test(each) && key.startsWith(each),
  );
  return prefix === undefined ? undefined : WITHOUT_EFFECT[prefix];
}

/** The keys that are obeyed, for completion. */
export function settings(): readonly string[] {
  return Object.keys(OBEYED);
}

/** What an obeyed key takes: a kind, or the list of its values. */
export function settingValues(key: string): Check {
  return OBEYED[key] ?? "text";
}
