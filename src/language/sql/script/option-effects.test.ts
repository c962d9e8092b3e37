/**
 * Every option of Flink that SET takes has an effect that shows, in the plan, the answer or what the runtime reads; every other
 * one is refused by its name.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../../../testkit/temporary-folder.ts";
import { userFunctions } from "../../../cli/user-functions.ts";
import {
  bufferTimeoutMs,
  checkpointOptions,
  ignoreUnclaimedState,
  maxParallelismOption,
  memoryOptions,
  metricsIntervalMs,
  operatorParallelism,
  parallelismOption,
} from "../../../dataplane/runtime/options.ts";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import type { ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { operatorFactories } from "../../../dataplane/operators/index.ts";
import { FLINK_OPTIONS, OLD_FLINK_KEYS } from "./flink-options.ts";
import {
  checkSetting,
  isObeyed,
  optionVerdicts,
  presentKey,
  settingWarning,
} from "./session-options.ts";
import { SqlSession } from "./sql-session.ts";

const DDL = `
  CREATE TABLE n (k BIGINT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
    WITH ('connector' = 'datagen', 'number-of-rows' = '1000000');
  CREATE TABLE few (k BIGINT, w STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '20000');
  CREATE TABLE cdc (k BIGINT, v INT, PRIMARY KEY (k) NOT ENFORCED)
    WITH ('connector' = 'filesystem', 'path' = '/none', 'format' = 'debezium-json');
  CREATE TABLE strict (k BIGINT NOT NULL, c CHAR(3), r ROW<x CHAR(2)>) WITH ('connector' = 'print');
  CREATE TABLE upserts (k BIGINT, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
  CREATE TABLE other (v INT, k BIGINT, PRIMARY KEY (v) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');`;

const folder = temporaryFolder("option-effects");
writeFileSync(
  `${folder}/async.ts`,
  `export const later = {
  kind: "async-scalar", signatures: [{ args: ["BIGINT"], returns: "BIGINT" }], eval: async (v: bigint) => v,
};
export const letters = {
  kind: "async-table", signatures: [{ args: ["STRING"], returns: "STRING" }], eval: async () => [],
};`,
);

type Config = Readonly<Record<string, string>>;

function session(config: Config): SqlSession {
  const files = new Map<string, string>();
  const made = new SqlSession({
    host: {
      operators: new Set(Object.keys(operatorFactories)),
      userFunction: userFunctions(folder),
      planFiles: {
        exists: (path) => files.has(path),
        read: (path) => files.get(path)!,
        write: (path, text) => files.set(path, text),
      },
    },
  });
  for (const [key, value] of Object.entries(config)) made.execute(`SET '${key}' = '${value}'`);
  made.executeScript(DDL);
  return made;
}

/** The plan's nodes without what a number or the session says of itself; or the error. */
function planOf(sql: string, config: Config): unknown {
  try {
    const result = session(config).executeScript(sql).at(-1)!;
    if (result.kind === "rows") return result.rows;
    assert.ok(result.kind === "query" || result.kind === "insert", result.kind);
    const { nodes, mode, timeZone }: ExecPlan = result.plan;
    return { nodes, mode, timeZone };
  } catch (error) {
    return toMillraceError(error).code;
  }
}

const BATCH = { "execution.runtime-mode": "batch" };
const MINI = {
  "table.exec.mini-batch.enabled": "true",
  "table.exec.mini-batch.allow-latency": "1 s",
  "table.exec.mini-batch.size": "100",
};
const FILTERS = "table.optimizer.runtime-filter.";
const FILTERED = {
  ...BATCH,
  "table.optimizer.join.broadcast-threshold": "-1",
  [`${FILTERS}enabled`]: "true",
  [`${FILTERS}max-build-data-size`]: "1 mb",
  [`${FILTERS}min-filter-ratio`]: "0.1",
  [`${FILTERS}min-probe-data-size`]: "2 mb",
};
const COUNT = "SELECT k, COUNT(*) FROM n GROUP BY k";
const JOIN = "SELECT n.v FROM n JOIN few ON n.k = few.k";
const TWICE = `SELECT a.c FROM (${COUNT}) AS a (k, c) JOIN (${COUNT}) AS b (k, c) ON a.c = b.c`;
const SELF_JOIN = "SELECT a.v FROM n AS a JOIN n AS b ON a.k = b.v";
const DISTINCT = "SELECT k, COUNT(DISTINCT v), SUM(v) FROM n GROUP BY k";
const SPLIT = { "table.optimizer.distinct-agg.split.enabled": "true" };
const LATER = `CREATE TEMPORARY SYSTEM FUNCTION later AS 'async.ts#later' LANGUAGE TYPESCRIPT;
  SELECT later(k) FROM n`;
const LETTERS = `CREATE TEMPORARY SYSTEM FUNCTION letters AS 'async.ts#letters' LANGUAGE TYPESCRIPT;
  SELECT k, l FROM few, LATERAL TABLE(letters(w)) AS t (l)`;
const PREDICT = `CREATE MODEL m INPUT (text STRING) OUTPUT (answer STRING) WITH ('provider' = 'openai',
    'endpoint' = 'http://127.0.0.1:9/v1/chat/completions', 'model' = 'x', 'api-key' = 'k');
  SELECT * FROM TABLE(ML_PREDICT(TABLE few, MODEL m, DESCRIPTOR(w)))`;
const FILLED = "INSERT INTO strict SELECT k, w, ROW(w) FROM few";

/** What differs: a statement and the value that is not the default, with what else has to be set. */
type Effect = readonly [sql: string, value: string, others?: Config];
const PLANS: Readonly<Record<string, Effect>> = {
  "execution.runtime-mode": [COUNT, "batch"],
  "table.exec.mini-batch.enabled": [COUNT, "false", MINI],
  "table.exec.mini-batch.allow-latency": [COUNT, "5 s", MINI],
  "table.exec.mini-batch.size": [COUNT, "-1", MINI],
  "table.exec.async-ml-predict.max-concurrent-operations": [PREDICT, "7"],
  "table.exec.async-ml-predict.output-mode": [PREDICT, "ALLOW_UNORDERED"],
  "table.exec.async-ml-predict.timeout": [PREDICT, "7 s"],
  "table.exec.async-scalar.max-attempts": [LATER, "7"],
  "table.exec.async-scalar.max-concurrent-operations": [LATER, "7"],
  "table.exec.async-scalar.retry-delay": [LATER, "7 s"],
  "table.exec.async-scalar.retry-strategy": [LATER, "NO_RETRY"],
  "table.exec.async-scalar.timeout": [LATER, "7 s"],
  "table.exec.async-table.max-concurrent-operations": [LETTERS, "7"],
  "table.exec.async-table.max-retries": [LETTERS, "7"],
  "table.exec.async-table.retry-delay": [LETTERS, "7 s"],
  "table.exec.async-table.retry-strategy": [LETTERS, "NO_RETRY"],
  "table.exec.async-table.timeout": [LETTERS, "7 s"],
  "table.exec.sink.nested-constraint-enforcer": [FILLED, "ROWS"],
  "table.exec.sink.not-null-enforcer": [FILLED, "DROP"],
  "table.exec.sink.type-length-enforcer": [FILLED, "ERROR"],
  "table.exec.sink.require-on-conflict": ["INSERT INTO other SELECT v, k FROM cdc", "false"],
  "table.exec.sink.upsert-materialize": ["INSERT INTO upserts SELECT k, v FROM cdc", "FORCE"],
  "table.exec.disabled-operators": [JOIN, "BroadcastHashJoin, SortMergeJoin", BATCH],
  "table.exec.sort.default-limit": ["SELECT k FROM n ORDER BY k", "7", BATCH],
  "table.exec.source.cdc-events-duplicate": ["SELECT * FROM cdc", "true"],
  "table.exec.source.idle-timeout": ["SELECT ts FROM n", "5 s"],
  "table.exec.state.ttl": [COUNT, "1 h"],
  "table.local-time-zone": ["SELECT CURRENT_TIMESTAMP", "Asia/Tokyo"],
  "table.dynamic-table-options.enabled": ["SELECT k FROM n /*+ OPTIONS('seed' = '1') */", "false"],
  "table.optimizer.agg-phase-strategy": [COUNT, "ONE_PHASE", BATCH],
  "table.optimizer.distinct-agg.split.enabled": [DISTINCT, "true"],
  "table.optimizer.distinct-agg.split.bucket-num": [DISTINCT, "7", SPLIT],
  "table.optimizer.incremental-agg-enabled": [DISTINCT, "false", { ...SPLIT, ...MINI }],
  "table.optimizer.join.broadcast-threshold": [JOIN, "-1", BATCH],
  "table.optimizer.non-deterministic-update.strategy": [
    "INSERT INTO upserts SELECT RAND_INTEGER(5), v FROM cdc ON CONFLICT DO DEDUPLICATE",
    "TRY_RESOLVE",
  ],
  "table.optimizer.reuse-source-enabled": [SELF_JOIN, "false"],
  "table.optimizer.reuse-sub-plan-enabled": [TWICE, "false"],
  [`${FILTERS}enabled`]: [JOIN, "false", FILTERED],
  [`${FILTERS}max-build-data-size`]: [JOIN, "100 b", FILTERED],
  [`${FILTERS}min-filter-ratio`]: [JOIN, "0.999", FILTERED],
  [`${FILTERS}min-probe-data-size`]: [JOIN, "9 gb", FILTERED],
  "table.optimizer.source.report-statistics-enabled": [JOIN, "false", BATCH],
  "table.plan.compile.catalog-objects": [
    "COMPILE PLAN 'p' FOR INSERT INTO strict SELECT k, w, ROW(w) FROM few; DROP TABLE strict; EXECUTE PLAN 'p'",
    "SCHEMA",
  ],
  "table.plan.restore.catalog-objects": [
    "COMPILE PLAN 'p' FOR INSERT INTO strict SELECT k, w, ROW(w) FROM few; DROP TABLE strict; EXECUTE PLAN 'p'",
    "IDENTIFIER",
  ],
  "table.plan.force-recompile": [
    "COMPILE PLAN 'p' FOR INSERT INTO strict SELECT k, w, ROW(w) FROM few; COMPILE AND EXECUTE PLAN 'p' FOR INSERT INTO strict SELECT k + 1, w, ROW(w) FROM few",
    "true",
  ],
};

const checkpoint =
  (read: (options: ReturnType<typeof checkpointOptions>) => unknown) => (config: Config) =>
    read(checkpointOptions(config));
const localBackup = checkpoint((each) => each.localBackup("job"));
type Read = (config: Config) => unknown;
const CHECKPOINTS = "execution.checkpointing.";
const MANAGED = "taskmanager.memory.managed.size";
const memory = (read: (options: ReturnType<typeof memoryOptions>) => unknown) => (config: Config) =>
  read(memoryOptions(config));
/** What the runtime makes of a value; its own tests show what it does with it. */
const RUNTIME: Readonly<Record<string, readonly [read: Read, value: string]>> = {
  [`${CHECKPOINTS}dir`]: [checkpoint((each) => each.directory), "/c"],
  [`${CHECKPOINTS}local-backup.enabled`]: [localBackup, "true"],
  [`${CHECKPOINTS}local-backup.dirs`]: [
    (config) => localBackup({ ...config, [`${CHECKPOINTS}local-backup.enabled`]: "true" }),
    "/local",
  ],
  "execution.state-recovery.from-local": [localBackup, "true"],
  [`${CHECKPOINTS}savepoint-dir`]: [checkpoint((each) => each.savepointDirectory), "/s"],
  [`${CHECKPOINTS}externalized-checkpoint-retention`]: [
    checkpoint((each) => each.retainOnCancel),
    "RETAIN_ON_CANCELLATION",
  ],
  "execution.buffer-timeout.interval": [bufferTimeoutMs, "3 s"],
  "execution.state-recovery.ignore-unclaimed-state": [ignoreUnclaimedState, "true"],
  "execution.savepoint.ignore-unclaimed-state": [ignoreUnclaimedState, "true"],
  "state.checkpoints.dir": [checkpoint((each) => each.directory), "/c"],
  "state.savepoints.dir": [checkpoint((each) => each.savepointDirectory), "/s"],
  "state.backend.rocksdb.localdir": [memory((each) => each.folder), "/l"],
  "state.backend.gemini.local.dir": [memory((each) => each.folder), "/l"],
  "io.tmp.dirs": [memory((each) => each.folder), "/l"],
  "state.backend.rocksdb.memory.fixed-per-slot": [memory((each) => each.budgetBytes), "64 mb"],
  [MANAGED]: [memory((each) => each.budgetBytes), "64 mb"],
  "taskmanager.numberOfTaskSlots": [
    (config) => memoryOptions({ [MANAGED]: "64 mb", ...config }).budgetBytes,
    "2",
  ],
  "millrace.state.operator-memory": [memory((each) => each.operatorBytes), "64 mb"],
  "millrace.metrics.interval": [metricsIntervalMs, "3 s"],
  "parallelism.default": [parallelismOption, "2"],
  "table.exec.resource.default-parallelism": [parallelismOption, "2"],
  "pipeline.max-parallelism": [maxParallelismOption, "64"],
  "pipeline.jobvertex-parallelism-overrides": [operatorParallelism, "Join:2"],
};

/** Keys that a lookup join reads when it opens: a value that it cannot have ends the job. */
const LOOKUPS: Readonly<Record<string, string>> = {
  "table.exec.async-lookup.buffer-capacity": "0",
  "table.exec.async-lookup.output-mode": "ANY",
  "table.exec.async-lookup.timeout": "soon",
};

test("a lookup join reads what was set", async () => {
  const run = async (config: Config) => {
    const engine = new Engine({ config });
    engine.execute("CREATE TABLE o (k INT, p AS PROCTIME()) WITH ('connector' = 'values')");
    engine.execute(
      "CREATE TABLE r (k INT, w STRING) WITH ('connector' = 'values', 'bounded' = 'true', 'lookup.cache' = 'NONE')",
    );
    engine.store.register("o", [{ row: [1] }]);
    engine.store.register("r", [{ row: [1, "x"] }]);
    const join = "SELECT r.w FROM o JOIN r FOR SYSTEM_TIME AS OF o.p ON o.k = r.k";
    return (await engine.query(join)).rows.map(({ text }) => text);
  };
  assert.deepEqual(await run({}), ["+I[x]"]);
  for (const [key, value] of Object.entries(LOOKUPS))
    await assert.rejects(run({ [key]: value }), { code: "MR1003" }, key);
});

/** Tests elsewhere that show the effect: file, and what its test is called. */
const ELSEWHERE: Readonly<Record<string, readonly [file: string, name: string]>> = {
  "execution.state-recovery.path": [
    "src/controlplane/api/server.test.ts",
    "execution.state-recovery.path",
  ],
  ...Object.fromEntries(
    [
      ...["interval", "min-pause", "max-concurrent-checkpoints", "timeout", "mode"],
      "checkpoints-after-tasks-finish",
    ].map((name) => [
      `${CHECKPOINTS}${name}`,
      ["src/dataplane/runtime/checkpoint-options.test.ts", `test("${name}: `],
    ]),
  ),
  ...Object.fromEntries(
    ["tolerable-failed-checkpoints", "num-retained"].map((name) => [
      `${CHECKPOINTS}${name}`,
      ["src/dataplane/runtime/checkpoint.test.ts", `${CHECKPOINTS}${name}`],
    ]),
  ),
  ...Object.fromEntries(
    [
      ...["fixed-delay.attempts", "fixed-delay.delay", "failure-rate.delay"],
      ...["failure-rate.failure-rate-interval", "failure-rate.max-failures-per-interval"],
      ...["exponential-delay.initial-backoff", "exponential-delay.max-backoff"],
      ...["exponential-delay.backoff-multiplier", "exponential-delay.reset-backoff-threshold"],
      ...["exponential-delay.jitter-factor", "exponential-delay.attempts-before-reset-backoff"],
      "type",
    ].map((name) => [
      `restart-strategy.${name}`,
      ["src/dataplane/runtime/master/restart-strategy.test.ts", `"restart-strategy.${name}": `],
    ]),
  ),
  "restart-strategy": [
    "src/dataplane/runtime/master/restart-strategy.test.ts",
    '"restart-strategy": ',
  ],
  ...Object.fromEntries(
    ["early-fire.enabled", "early-fire.delay", "late-fire.enabled", "late-fire.delay"].map(
      (name) => [
        `table.exec.emit.${name}`,
        ["src/language/sql/exec/window-emit.test.ts", `\${E}.${name}'`],
      ],
    ),
  ),
  "table.exec.emit.allow-lateness": [
    "src/language/sql/exec/window-emit.test.ts",
    "${E}.allow-lateness'",
  ],
  ...Object.fromEntries(
    ["interval", "num-retained"].map((name) => [
      `millrace.savepoint.${name}`,
      ["src/dataplane/runtime/master/periodic-savepoints.test.ts", `millrace.savepoint.${name}`],
    ]),
  ),
  "pipeline.name": [
    "src/controlplane/controller/deployments.test.ts",
    "pipeline.name names the job",
  ],
  "table.exec.deduplicate.mini-batch.compact-changes-enabled": [
    "src/dataplane/operators/mini-batch/mini-batch.test.ts",
    "compact-changes-enabled",
  ],
  "table.optimizer.join-reorder-enabled": [
    "src/language/sql/optimizer/order-joins.test.ts",
    "join-reorder-enabled",
  ],
  "table.optimizer.multi-join.enabled": [
    "src/language/sql/exec/multi-join.test.ts",
    "multi-join.enabled",
  ],
  "table.optimizer.bushy-join-reorder-threshold": [
    "src/language/sql/optimizer/order-joins.test.ts",
    "bushy-join-reorder-threshold",
  ],
  "materialized-table.refresh-mode.freshness-threshold": [
    "src/controlplane/controller/materialized-tables.test.ts",
    "freshness-threshold",
  ],
  ...Object.fromEntries(
    ["default-freshness.continuous", "default-freshness.full", "default-start-mode"].map((name) => [
      `materialized-table.${name}`,
      ["src/controlplane/controller/materialized-tables.test.ts", `materialized-table.${name}`],
    ]),
  ),
  ...Object.fromEntries(
    [
      "async-scalar.max-attempts",
      "async-scalar.max-concurrent-operations",
      "async-scalar.retry-delay",
      "async-scalar.retry-strategy",
      "async-scalar.timeout",
      "async-table.max-concurrent-operations",
      "async-table.max-retries",
      "async-table.retry-delay",
      "async-table.retry-strategy",
      "async-table.timeout",
      "async-ml-predict.max-concurrent-operations",
      "async-ml-predict.output-mode",
      "async-ml-predict.timeout",
    ].map((name) => [
      `table.exec.${name}`,
      ["src/language/sql/exec/async-planner.test.ts", `table.exec.${name}`],
    ]),
  ),
  ...Object.fromEntries(
    ["buffer-capacity", "output-mode", "timeout"].map((name) => [
      `table.exec.async-lookup.${name}`,
      ["src/dataplane/operators/lookup-join/keyed-lookup-join.test.ts", `async-lookup.${name}`],
    ]),
  ),
  ...Object.fromEntries(
    ["table.display.max-column-width", "sql-client.display.max-column-width"].map((key) => [
      key,
      ["tests/cli/statements.test.ts", key],
    ]),
  ),
};

/** Values other than the one way that there is are errors, and say so. */
const ONE_VALUE: Readonly<
  Record<string, readonly [value: string, check: (config: Config) => unknown]>
> = {
  "table.sql-dialect": [
    "hive",
    (config) => checkSetting("table.sql-dialect", config["table.sql-dialect"]!),
  ],
};

for (const [key, [sql, value, others = {}]] of Object.entries(PLANS))
  test(`${key} = ${value} changes the plan`, () => {
    const { [key]: own, ...rest } = others;
    const before = planOf(sql, { ...rest, ...(own === undefined ? {} : { [key]: own }) });
    const after = planOf(sql, { ...rest, [key]: value });
    assert.notDeepEqual(after, before);
    if (own !== undefined) return;
    const ownDefault = FLINK_OPTIONS.get(key);
    if (ownDefault && ownDefault !== "default" && !key.endsWith("broadcast-threshold"))
      assert.deepEqual(planOf(sql, { ...rest, [key]: ownDefault }), before, "Flink's default");
  });

test("the runtime reads what was set", () => {
  for (const [key, [read, value]] of Object.entries(RUNTIME))
    assert.notDeepEqual(read({ [key]: value }), read({}), key);
  for (const [key, [value, check]] of Object.entries(ONE_VALUE))
    assert.throws(() => check({ [key]: value }), { code: /^MR/ } as never, key);
});

test("an option that shows elsewhere has its test there", () => {
  for (const [key, [file, name]] of Object.entries(ELSEWHERE)) {
    const path = new URL(`../../../../${file}`, import.meta.url);
    assert.ok(existsSync(path), file);
    assert.ok(readFileSync(path, "utf8").includes(name), `${key} in ${file}`);
  }
});

test("every option is shown here, or takes nothing but what is so anyway", () => {
  const shown = new Set(
    [PLANS, RUNTIME, LOOKUPS, ELSEWHERE, ONE_VALUE].flatMap((each) => Object.keys(each)),
  );
  const obeyed = optionVerdicts().filter(({ refused }) => refused === undefined);
  const missing = obeyed.map(({ key }) => key).filter((key) => !shown.has(key));
  assert.deepEqual(missing, [], "obeyed, but nothing shows it");
  for (const [key, ownDefault] of FLINK_OPTIONS) {
    if (isObeyed(key)) continue;
    assert.equal(settingWarning(key), undefined);
    if (ownDefault !== "") checkSetting(key, ownDefault);
    assert.throws(
      () => checkSetting(key, "another-value"),
      (error) => {
        const { code, message } = toMillraceError(error);
        return code === "MR2139" && message.includes(`'${key}'`);
      },
      key,
    );
  }
});

test("a key's name of before is the present one", () => {
  for (const [old, present] of OLD_FLINK_KEYS) {
    assert.ok(FLINK_OPTIONS.has(present), present);
    assert.ok(presentKey(old) === present || isObeyed(old), old);
  }
  const own = session({ "execution.buffer-timeout": "7 ms" });
  assert.equal(own.context.config.get("execution.buffer-timeout.interval"), "7 ms");
  own.execute("RESET 'execution.buffer-timeout'");
  assert.equal(own.context.config.get("execution.buffer-timeout.interval"), undefined);
});
