/**
 * `node testkit/conformance/window-plans.ts [--only RE] [--failed] [--data DIR]`: plans of queries with windows, and of joins of several inputs, beside
 * those that Flink makes of them (plans.jsonl): how many have the same operators in the same tree, and how many the same text.
 *
 * Tables:  plans.jsonl holds none; those of Flink's test classes are declared here. Their data streams are tables, so that what
 *          lies below the lowest exchange or operator with a window is compared as one scan there.
 * Exit:    0; it counts, it judges nothing.
 */
import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { planText } from "../../src/language/sql/explain/explain.ts";
import { conformanceFolder } from "./conformance-data.ts";
import { Engine } from "./engine.ts";
import { MULTI_JOIN_TABLES } from "./multi-join-tables.ts";
import { errorText } from "./suite.ts";

interface PlanRecord {
  readonly file: string;
  readonly name: string;
  readonly sql?: string;
  readonly "optimized rel plan"?: string;
  readonly "optimized exec plan"?: string;
}

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    only: { type: "string", default: "" },
    failed: { type: "boolean", default: false },
  },
});

const MARKED =
  "rowtime TIMESTAMP(3), proctime AS PROCTIME(), WATERMARK FOR rowtime AS rowtime - INTERVAL '1' SECOND";
const WIDE = `a INT, b BIGINT, c STRING NOT NULL, d DECIMAL(10, 3), e BIGINT, ${MARKED}`;
const NARROW = `a INT, b STRING NOT NULL, c BIGINT, ${MARKED}`;
const table = (name: string, columns: string, changes = "") =>
  `CREATE TABLE ${name} (${columns}) WITH ('connector' = 'values', 'bounded' = 'false'${changes})`;
const CHANGES = ", 'changelog-mode' = 'I,UA,UB,D'";
const FUNCTIONS = [
  "CREATE FUNCTION weightedAvg AS 'WeightedAvg'",
  "CREATE FUNCTION weightedAvgWithoutMerge AS 'WeightedAvgWithoutMerge'",
];

/** By the end of the file's name: its tables, and whether they are data streams in Flink's test. */
const CLASSES: Readonly<
  Record<
    string,
    {
      readonly ddl: readonly string[];
      readonly streams?: true;
      readonly config?: Readonly<Record<string, string>>;
    }
  >
> = {
  "stream/sql/MultiJoinTest.xml": {
    ddl: MULTI_JOIN_TABLES,
    config: { "table.optimizer.multi-join.enabled": "true" },
  },
  "stream/sql/agg/WindowAggregateTest.xml": {
    ddl: [table("MyTable", WIDE), table("MyCDCTable", WIDE, CHANGES), ...FUNCTIONS],
  },
  "stream/sql/WindowRankTest.xml": { ddl: [table("MyTable", WIDE), ...FUNCTIONS] },
  "stream/sql/WindowDeduplicateTest.xml": { ddl: [table("MyTable", WIDE), ...FUNCTIONS] },
  "stream/sql/WindowTableFunctionTest.xml": {
    ddl: [table("MyTable", WIDE), table("MyCDCTable", WIDE, CHANGES), ...FUNCTIONS],
  },
  "stream/sql/join/WindowJoinTest.xml": {
    ddl: [
      table("MyTable", NARROW),
      table("MyTable2", NARROW),
      table("MyTable3", NARROW),
      table("MyTable4", NARROW),
      ...FUNCTIONS,
    ],
  },
  "stream/sql/agg/GroupWindowTest.xml": {
    ddl: [table("MyTable", NARROW), ...FUNCTIONS],
    streams: true,
  },
};

/** Lines as depth and text. */
function lines(plan: string): { readonly depth: number; readonly text: string }[] {
  return plan
    .trim()
    .split("\n")
    .map((line) => {
      const depth = line.search(/[^ :+-]/);
      return { depth, text: line.slice(depth) };
    });
}

/** Flink asks a SELECT that it only plans for no -U, we do: without what makes them. */
function withoutNormalize(all: ReturnType<typeof lines>): ReturnType<typeof lines> {
  const kept: { readonly depth: number; readonly text: string }[] = [];
  const inside: number[] = [];
  all.forEach((line, i) => {
    while (inside.length > 0 && line.depth <= inside.at(-1)!) inside.pop();
    if (line.text.startsWith("ChangelogNormalize(")) inside.push(line.depth);
    else if (all[i - 1]?.text.startsWith("ChangelogNormalize(") !== true)
      kept.push({ ...line, depth: line.depth - 6 * inside.length });
  });
  return kept;
}

function treeOf(plan: string, streams: boolean): string {
  const all = withoutNormalize(lines(plan)).map(({ depth, text }) => ({
    depth,
    name: text.replace(/\(.*/s, ""),
  }));
  const scan = /^(Calc|WatermarkAssigner|(Legacy)?TableSourceScan|DataStreamScan)$/;
  return all
    .filter(({ name }, i) => {
      if (!streams || !scan.test(name)) return true;
      return !(all[i - 1] !== undefined && scan.test(all[i - 1]!.name));
    })
    .map(({ depth, name }) => `${depth} ${streams && scan.test(name) ? "Scan" : name}`)
    .join("\n");
}

/** Without what hangs on the tables' connectors, and with literals as we print them. */
function plainText(plan: string): string {
  return plan
    .trim()
    .replaceAll(/, metadata=\[[^\]]*\]/g, "")
    .replaceAll(/INTERVAL (SECOND|MINUTE|HOUR|DAY)(\(\d\))?/g, "INTERVAL");
}

function ours(record: PlanRecord, { ddl, config }: (typeof CLASSES)[string]): string {
  const phase = /aggPhaseEnforcer=(\w+)/.exec(record.name)?.[1] ?? "AUTO";
  const engine = new Engine({
    config: {
      "table.optimizer.agg-phase-strategy": phase,
      "table.optimizer.distinct-agg.split.enabled": String(/DistinctSplit/.test(record.name)),
      ...(/Hint/.test(record.name) && !/Tttl/.test(record.name) ? {} : config),
    },
  });
  for (const statement of ddl) engine.execute(statement);
  const result = engine.execute(record.sql ?? "");
  if (result.kind !== "query" && result.kind !== "insert") throw new Error(`a ${result.kind}`);
  const isPhysical = record["optimized exec plan"] === undefined;
  const expected = record["optimized exec plan"] ?? record["optimized rel plan"] ?? "";
  return planText(result.plan, {
    style: isPhysical ? "prefix" : "infix",
    changes: expected.includes("changelogMode="),
    collect: result.kind === "query",
  });
}

const wanted = new RegExp(options.only);
const file = join(conformanceFolder(options.data), "plans.jsonl");
const counts = { records: 0, trees: 0, texts: 0, refused: 0 };
for (const line of readFileSync(file, "utf8").split("\n")) {
  if (line === "") continue;
  const record = JSON.parse(line) as PlanRecord;
  const name = Object.keys(CLASSES).find((end) => record.file.endsWith(end));
  const expected = record["optimized exec plan"] ?? record["optimized rel plan"];
  if (name === undefined || record.sql === undefined || expected === undefined) continue;
  const id = `${name.split("/").at(-1)} ${record.name}`;
  if (!wanted.test(id)) continue;
  counts.records++;
  const { streams } = CLASSES[name]!;
  let made: string;
  try {
    made = ours(record, CLASSES[name]!);
  } catch (error) {
    counts.refused++;
    if (options.failed) console.log(`REFUSED ${id}: ${errorText(error)}`);
    continue;
  }
  const same = treeOf(made, streams === true) === treeOf(expected, streams === true);
  if (same) counts.trees++;
  else if (options.failed)
    console.log(`TREE ${id}\n${record.sql}\nFLINK\n${expected}\nOURS\n${made}\n`);
  if (plainText(made) === plainText(expected)) counts.texts++;
  else if (same && options.failed) console.log(`TEXT ${id}\nFLINK\n${expected}\nOURS\n${made}\n`);
}
const { records, trees, texts, refused } = counts;
console.log(
  `${records} plans: ${trees} with Flink's tree, ${texts} with Flink's text, ${refused} refused`,
);
