/**
 * Compares EXPLAIN of aggregates in phases with Flink's plans (plans.jsonl), as a command:
 *
 *   node testkit/conformance/phase-plans.ts [--failed] [--only REGEX]
 *
 * Which:    records with SQL whose plan has a LocalGroupAggregate, IncrementalGroupAggregate or a step of a split DISTINCT.
 * Tables:   the records do not hold their DDL: TABLES has what Flink's test classes declare.
 * Compared: every line of the plan but changelog modes; a scan is its table's name, and a Calc that only picks columns is left
 *           out, as sources differ in who drops columns. "operators": the names of the operators and their nesting alone.
 */
import { Engine } from "./engine.ts";
import { conformanceFolder, readConformanceFile } from "./conformance-data.ts";
import { jsonLines } from "./suite.ts";

interface PlanRecord {
  readonly file: string;
  readonly name: string;
  readonly sql?: string;
  readonly "optimized exec plan"?: string;
  readonly "optimized rel plan"?: string;
}

const MY_TABLE = "CREATE TABLE MyTable (a INT, b BIGINT, c STRING) WITH ('connector'='values')";
const ROWTIMES = `CREATE TABLE %s (a INT, b BIGINT, c STRING, proctime AS PROCTIME(), rowtime TIMESTAMP(3)) WITH ('connector'='values')`;
const WATERMARKS = `CREATE TABLE %s (a INT, b BIGINT, c STRING, proctime AS PROCTIME(), rowtime TIMESTAMP(3), WATERMARK FOR rowtime AS rowtime) WITH ('connector'='values')`;

/** By a part of the file's name. */
const TABLES: readonly (readonly [string, readonly string[]])[] = [
  [
    "MiniBatchIntervalInferTest",
    [
      ...["MyTable1", "MyDataStream1"].map((name) =>
        ROWTIMES.replace("%s", name).replace("c STRING", "c INT"),
      ),
      ...["wmTable1", "wmTable2"].map((name) => WATERMARKS.replace("%s", name)),
      "CREATE TABLE T1 (`long` BIGINT, `int` INT, str STRING, rowtime TIMESTAMP(3), WATERMARK FOR rowtime AS rowtime) WITH ('connector'='values')",
    ],
  ],
  [
    "ModifiedMonotonicityTest",
    ["CREATE TABLE A (a1 INT, a2 BIGINT, a3 BIGINT) WITH ('connector'='values')"],
  ],
  [
    "sql/agg/AggregateTest",
    [
      "CREATE TABLE T (a INT, b INT, c STRING, d BOOLEAN) WITH ('connector'='values')",
      ...["T1", "T2"].map((name) => MY_TABLE.replace("MyTable", name).replace("b BIGINT", "b INT")),
    ],
  ],
  [
    "RankTest",
    [
      "CREATE TABLE MyTable (a INT, b STRING, c BIGINT, proctime AS PROCTIME(), rowtime TIMESTAMP(3)) WITH ('connector'='values')",
    ],
  ],
  [
    "GroupAggregationAnalyzerTest",
    [
      "CREATE TABLE MyTable (a BIGINT, b INT NOT NULL, c VARCHAR, d BIGINT) WITH ('connector'='values')",
    ],
  ],
  ["", [MY_TABLE]],
];

const PHASES = /LocalGroupAggregate|IncrementalGroupAggregate|partialFinalType/;
const flinks = (record: PlanRecord) =>
  record["optimized exec plan"] ?? record["optimized rel plan"] ?? "";

function settings({ file, name }: PlanRecord, plan: string): string[] {
  const incremental = file.includes("IncrementalAggregateTest");
  const interval = /interval=\[(\d+)ms\]/.exec(plan)?.[1];
  const phases = /aggPhaseEnforcer=(\w+)/.exec(name)?.[1] ?? "AUTO";
  const set = (key: string, value: string) => `SET '${key}' = '${value}'`;
  return [
    set("table.exec.mini-batch.enabled", String(interval !== undefined)),
    ...(interval === undefined
      ? []
      : [set("table.exec.mini-batch.allow-latency", `${interval} ms`)]),
    set("table.exec.mini-batch.size", "5"),
    set("table.optimizer.agg-phase-strategy", phases),
    set("table.optimizer.incremental-agg-enabled", String(incremental)),
    set(
      "table.optimizer.distinct-agg.split.enabled",
      String(/splitDistinctAggEnabled=true/.test(name)),
    ),
  ];
}

function explained(record: PlanRecord): string {
  const engine = new Engine({});
  const tables = TABLES.find(([part]) => record.file.includes(part))![1];
  for (const statement of [...tables, ...settings(record, flinks(record))])
    engine.execute(statement);
  const result = engine.execute(`EXPLAIN ${record.sql}`);
  if (result.kind !== "rows") throw new Error(`EXPLAIN gave ${result.kind}`);
  const text = String(result.rows[0]![0]);
  return text.split("== Optimized Execution Plan ==\n")[1] ?? text;
}

/** A plan's lines with what is compared of them. */
function lines(plan: string): string[] {
  const text = plan.split("\n\n")[0]!;
  return text.split("\n").flatMap((line) => {
    if (line.trim() === "") return [];
    const scan = /^(.*?)(?:TableSourceScan|DataStreamScan)\(.*?default_database, (\w+)/.exec(line);
    if (scan !== null) return [`${scan[1]}Scan(${scan[2]})`];
    return [
      line
        .replace(/, changelogMode=\[[^\]]*\]/g, "")
        .replace(/\(reuse_id=\[\d+\]\)/, "")
        .trimEnd(),
    ];
  });
}

const PICKS = /\bCalc\(select=\[[\w$]+(?:, [\w$]+)*\]\)$/;

/** Without the Calcs that only pick columns. */
function withoutPicks(plan: readonly string[]): string[] {
  const out: string[] = [];
  const left: number[] = [];
  for (const line of plan) {
    const depth = line.search(/[A-Za-z]/);
    while (left.length > 0 && left.at(-1)! >= depth) left.pop();
    const moved = line.slice(3 * left.length);
    if (PICKS.test(line)) left.push(depth);
    else out.push(out.length === 0 ? moved.replace(/^[ :+|-]+/, "") : moved);
  }
  return out;
}

const operators = (plan: readonly string[]) => plan.map((line) => line.split("(")[0]!).join("\n");

const failed = process.argv.includes("--failed");
const only = new RegExp(process.argv[process.argv.indexOf("--only") + 1] ?? "", "i");
const counts = { records: 0, noSql: 0, operators: 0, text: 0 };
for (const record of jsonLines<PlanRecord>(
  readConformanceFile(conformanceFolder(), "plans.jsonl"),
)) {
  if (!PHASES.test(flinks(record))) continue;
  const id = `${record.file.split("/").at(-1)} ${record.name}`;
  if (process.argv.includes("--only") && !only.test(id)) continue;
  counts.records++;
  if (record.sql === undefined) {
    counts.noSql++;
    continue;
  }
  const theirs = withoutPicks(lines(flinks(record)));
  let ours: string[];
  try {
    ours = withoutPicks(lines(explained(record)));
  } catch (error) {
    ours = [String(error)];
  }
  const isSame = operators(theirs) === operators(ours);
  const isEqual = theirs.join("\n") === ours.join("\n");
  counts.operators += Number(isSame);
  counts.text += Number(isEqual);
  if (!failed || isEqual) continue;
  console.log(`${isSame ? "text" : "OPERATORS"} ${id}\n${record.sql}`);
  for (let i = 0; i < Math.max(theirs.length, ours.length); i++)
    if (theirs[i] !== ours[i]) console.log(`  Flink ${theirs[i] ?? ""}\n  ours  ${ours[i] ?? ""}`);
}
console.log(JSON.stringify(counts));
process.exit(0);
