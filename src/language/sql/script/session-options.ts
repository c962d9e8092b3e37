/**
 * Keys of SET: what this engine obeys, what it knows and does otherwise, and what nobody knows.
 *
 * Rule:    an obeyed key takes the values that it can have (MR2126). A key of Flink's that is not obeyed can be set to what it
 *          means here anyway, its default, and to nothing else (MR2139): nothing is taken and then ignored. Keys of a cluster's
 *          processes are answered with MR2256 and the reason, unknown ones with MR2255 and "did you mean", as Flink takes any.
 * Names:   a key that Flink has given another name is kept under the present one.
 * Source:  flink-options.ts, not-obeyed.ts.
 */
import { nearest } from "../../../foundation/base/text.ts";
import type { MillraceError } from "../../../foundation/base/errors.ts";
import { sqlWarnings, validateErrors } from "../errors.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import { parseMemorySize } from "../../../foundation/base/memory-size.ts";
import { FLINK_OPTIONS, OLD_FLINK_KEYS } from "./flink-options.ts";
import { checkUnchanged, reasonOf, unchangedValues } from "./not-obeyed.ts";

type Check = "text" | "boolean" | "duration" | "integer" | "fraction" | "size" | readonly string[];

const TEXT = "text";
const RUNTIME_MODES = ["streaming", "batch"];
const OUTPUT_MODES = ["ORDERED", "ALLOW_UNORDERED"];
const RETRY_STRATEGIES = ["NO_RETRY", "FIXED_DELAY"];
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
  "execution.checkpointing.externalized-checkpoint-retention": [
    "NO_EXTERNALIZED_CHECKPOINTS",
    "DELETE_ON_CANCELLATION",
    "RETAIN_ON_CANCELLATION",
  ],
  "execution.checkpointing.local-backup.enabled": "boolean",
  "execution.checkpointing.local-backup.dirs": TEXT,
  "execution.state-recovery.from-local": "boolean",
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
  "pipeline.jobvertex-parallelism-overrides": TEXT,
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
  "table.exec.disabled-operators": TEXT,
  "table.exec.deduplicate.mini-batch.compact-changes-enabled": "boolean",
  "table.exec.emit.allow-lateness": "duration",
  "table.exec.async-lookup.buffer-capacity": "integer",
  "table.exec.async-lookup.output-mode": OUTPUT_MODES,
  "table.exec.async-lookup.timeout": "duration",
  "table.exec.async-ml-predict.max-concurrent-operations": "integer",
  "table.exec.async-ml-predict.output-mode": OUTPUT_MODES,
  "table.exec.async-ml-predict.timeout": "duration",
  "table.exec.async-scalar.max-attempts": "integer",
  "table.exec.async-scalar.max-concurrent-operations": "integer",
  "table.exec.async-scalar.retry-delay": "duration",
  "table.exec.async-scalar.retry-strategy": RETRY_STRATEGIES,
  "table.exec.async-scalar.timeout": "duration",
  "table.exec.async-table.max-concurrent-operations": "integer",
  "table.exec.async-table.max-retries": "integer",
  "table.exec.async-table.retry-delay": "duration",
  "table.exec.async-table.retry-strategy": RETRY_STRATEGIES,
  "table.exec.async-table.timeout": "duration",
  "table.exec.emit.early-fire.enabled": "boolean",
  "table.exec.emit.early-fire.delay": "duration",
  "table.exec.emit.late-fire.enabled": "boolean",
  "table.exec.emit.late-fire.delay": "duration",
  "table.exec.mini-batch.allow-latency": "duration",
  "table.exec.mini-batch.enabled": "boolean",
  "table.exec.mini-batch.size": "integer",
  "table.exec.sink.nested-constraint-enforcer": ["IGNORE", "ROWS", "ROWS_AND_COLLECTIONS"],
  "table.exec.sink.not-null-enforcer": ["ERROR", "DROP"],
  "table.exec.sink.require-on-conflict": "boolean",
  "table.exec.sink.type-length-enforcer": ["IGNORE", "TRIM_PAD", "ERROR"],
  "table.exec.resource.default-parallelism": "integer",
  "table.exec.sort.default-limit": "integer",
  "table.dynamic-table-options.enabled": "boolean",
  "table.exec.sink.upsert-materialize": ["NONE", "AUTO", "FORCE"],
  "table.exec.source.cdc-events-duplicate": "boolean",
  "table.exec.source.idle-timeout": "duration",
  "table.exec.state.ttl": "duration",
  "table.local-time-zone": TEXT,
  "materialized-table.default-freshness.continuous": "duration",
  "materialized-table.default-freshness.full": "duration",
  "materialized-table.default-start-mode": ["FROM_BEGINNING", "RESUME_OR_FROM_BEGINNING"],
  "materialized-table.refresh-mode.freshness-threshold": "duration",
  "table.optimizer.agg-phase-strategy": ["AUTO", "ONE_PHASE", "TWO_PHASE"],
  "table.optimizer.bushy-join-reorder-threshold": "integer",
  "table.optimizer.distinct-agg.split.bucket-num": "integer",
  "table.optimizer.distinct-agg.split.enabled": "boolean",
  "table.optimizer.incremental-agg-enabled": "boolean",
  "table.optimizer.join-reorder-enabled": "boolean",
  "table.optimizer.join.broadcast-threshold": "integer",
  "table.optimizer.multi-join.enabled": "boolean",
  "table.optimizer.non-deterministic-update.strategy": ["IGNORE", "TRY_RESOLVE"],
  "table.optimizer.reuse-source-enabled": "boolean",
  "table.optimizer.reuse-sub-plan-enabled": "boolean",
  "table.optimizer.runtime-filter.enabled": "boolean",
  "table.optimizer.runtime-filter.max-build-data-size": "size",
  "table.optimizer.runtime-filter.min-filter-ratio": "fraction",
  "table.optimizer.runtime-filter.min-probe-data-size": "size",
  "table.optimizer.source.report-statistics-enabled": "boolean",
  "table.plan.compile.catalog-objects": ["ALL", "SCHEMA"],
  "table.plan.restore.catalog-objects": ["ALL", "ALL_ENFORCED", "IDENTIFIER"],
  "table.plan.force-recompile": "boolean",
  "table.display.max-column-width": "integer",
  "sql-client.display.max-column-width": "integer",
  "table.sql-dialect": ["default"],
  "millrace.metrics.interval": "duration",
  "millrace.state.operator-memory": TEXT,
  "millrace.savepoint.interval": "duration",
  "millrace.savepoint.num-retained": "integer",
};

/** Beginnings of keys of processes, of which a cluster has others than this engine. */
const WITHOUT_EFFECT: readonly string[] = [
  "state.",
  "taskmanager.",
  "jobmanager.",
  "rest.",
  "metrics.",
  "high-availability.",
  "kubernetes.",
  "yarn.",
  "heartbeat.",
  "security.",
  "client.",
  "cluster.",
  "python.",
  "env.",
  "fs.",
  "s3.",
  "sql-gateway.",
];
const PROCESSES = "it concerns a Flink cluster; it is passed on when a deployment's target is one";
const SHELL = "say it on the command line: `millrace sql --help`";

/** What becomes of a key: obeyed with these values, or refused, for that reason, beside these. */
export interface OptionVerdict {
  readonly key: string;
  readonly values: string;
  /** Of Flink; undefined for keys of ours and of Flink's processes. */
  readonly default: string | undefined;
  readonly refused?: string;
}

/** Every key that SET knows by name, in order. */
export function optionVerdicts(): readonly OptionVerdict[] {
  const obeyed = Object.entries(OBEYED).map(([key, check]) => {
    const values = typeof check === "string" ? check : check.join(", ");
    return { key, values, default: FLINK_OPTIONS.get(key) };
  });
  const others = [...FLINK_OPTIONS].filter(([key]) => OBEYED[key] === undefined);
  const refused = others.map(([key, own]) => {
    const values = unchangedValues(key, own).join(", ");
    return { key, values, default: own, refused: reasonOf(key) };
  });
  return [...obeyed, ...refused].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The key's present name. */
export function presentKey(key: string): string {
  return OBEYED[key] === undefined ? (OLD_FLINK_KEYS.get(key) ?? key) : key;
}

/** Throws MR2126 for a value that the key cannot have, MR2139 for one that would have no effect. */
export function checkSetting(key: string, value: string): void {
  const check = OBEYED[key];
  const ownDefault = check === undefined ? FLINK_OPTIONS.get(key) : undefined;
  if (ownDefault !== undefined) return checkUnchanged(key, value, ownDefault);
  if (key === "table.sql-dialect") return checkDialect(key, value);
  if (key === "table.exec.disabled-operators") return checkDisabled(key, value);
  if (check === undefined || check === "text") return;
  const expected = misfit(check, value.trim());
  if (expected !== undefined) throw validateErrors.OPTION_VALUE({ key, value, expected });
}

/** Lists that would leave nothing to run some query with. */
const NEEDED: readonly { readonly names: readonly string[]; readonly reason: string }[] = [
  { names: ["NestedLoopJoin"], reason: "joins without keys have no other form" },
  {
    names: ["ShuffleHashJoin", "SortMergeJoin"],
    reason: "joins with keys are hash joins or sort-merge joins",
  },
  { names: ["HashAgg", "SortAgg"], reason: "aggregates are hash aggregates or sort aggregates" },
];
const OPERATORS = [
  "BroadcastHashJoin",
  "HashAgg",
  "NestedLoopJoin",
  "ShuffleHashJoin",
  "SortAgg",
  "SortMergeJoin",
];

function checkDisabled(key: string, value: string): void {
  const list = value.split(",").map((part) => part.trim());
  if (list.some((name) => name !== "" && !OPERATORS.includes(name)))
    throw validateErrors.OPTION_VALUE({
      key,
      value,
      expected: `a list of ${OPERATORS.join(", ")}`,
    });
  const missing = NEEDED.find(({ names }) => names.every((name) => list.includes(name)));
  if (missing === undefined) return;
  const { names, reason } = missing;
  const remedy = `Take ${names.join(" or ")} out of the list.`;
  throw validateErrors.OPTION_REFUSED({ key, value, reason, remedy });
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
    case "fraction":
      return /^(\d+\.?\d*|\.\d+)$/.test(value) ? undefined : "a number such as 0.5";
    case "size":
      return parseMemorySize(value) === undefined ? "a size such as '150 mb'" : undefined;
    case "duration": {
      return parseDuration(value) === undefined ? "a duration such as '10 s'" : undefined;
    }
    default: {
      const known = check.some((one) => one.toLowerCase() === value.toLowerCase());
      return known ? undefined : `one of ${check.join(", ")}`;
    }
  }
}

/** What to say of a key that SET took; undefined: it is obeyed, or it says what is so anyway. */
export function settingWarning(key: string): MillraceError | undefined {
  if (isObeyed(key) || FLINK_OPTIONS.has(key)) return undefined;
  const isProcess = WITHOUT_EFFECT.some((start) => key.startsWith(start));
  const reason = key.startsWith("sql-client.") ? SHELL : isProcess ? PROCESSES : undefined;
  if (reason !== undefined) return sqlWarnings.OPTION_WITHOUT_EFFECT({ key, reason });
  // Keys are long and alike: beyond the nearest one, others would be noise.
  const near = nearest(key, [...Object.keys(OBEYED), ...FLINK_OPTIONS.keys()]).slice(0, 1);
  return sqlWarnings.OPTION_UNKNOWN({ key }, { didYouMean: near });
}

export function isObeyed(key: string): boolean {
  return OBEYED[key] !== undefined || key.startsWith("$internal.");
}

/** The keys that are obeyed, for completion. */
export function settings(): readonly string[] {
  return Object.keys(OBEYED);
}

/** What an obeyed key takes: a kind, or the list of its values. */
export function settingValues(key: string): Check {
  return OBEYED[key] ?? "text";
}
