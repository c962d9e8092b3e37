/**
 * Golden plans: each *.plan.txt holds DDL and statements with the plan that Millrace makes of them.
 *
 * Format: blocks headed `### name`; the block `### setup` is a script; every other block is a statement, then `--- plan`
 * and the optimized physical plan with changelog modes (or the error). UPDATE=1 rewrites the files: read the diff.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toMillraceError } from "../../src/foundation/base/errors.ts";
import { planText } from "../../src/language/sql/explain/explain.ts";
import { SqlSession } from "../../src/language/sql/script/sql-session.ts";

const folder = import.meta.dirname;
const update = process.env.UPDATE === "1";

interface Block {
  readonly name: string;
  readonly sql: string;
  readonly plan: string;
}

function blocksOf(text: string): Block[] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [head = "", ...rest] = block.split("\n");
      const [sql = "", plan = ""] = rest.join("\n").split(/^--- plan\n/m);
      return { name: head.trim(), sql: sql.trim(), plan: plan.trim() };
    });
}

/** Files named all-nodes.* are planned for an engine that has an operator for every node. */
const EVERY_OPERATOR = new Set([
  "OverAggregate",
  "IntervalJoin",
  "TemporalJoin",
  "LookupJoin",
  "Correlate",
  "WindowRank",
  "WindowDeduplicate",
  "TemporalSort",
]);

function planned(setup: string, sql: string, allNodes: boolean): string {
  const batch = sql.startsWith("-- batch");
  const session = new SqlSession({
    ...(batch ? { config: { "execution.runtime-mode": "batch" } } : {}),
    ...(allNodes ? { host: { operators: EVERY_OPERATOR } } : {}),
  });
  session.executeScript(setup);
  try {
    const results = session.executeScript(sql);
    return results
      .flatMap((result) => {
        if (result.kind !== "query" && result.kind !== "insert") return [];
        const collect = result.kind === "query";
        return [planText(result.plan, { style: "infix", changes: true, collect })];
      })
      .join("\n\n");
  } catch (error) {
    const { code, message } = toMillraceError(error);
    return `${code}: ${message}`;
  }
}

for (const file of readdirSync(folder).filter((name) => name.endsWith(".plan.txt"))) {
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  const blocks = blocksOf(text);
  const setup = blocks.find((block) => block.name === "setup")?.sql ?? "";
  const out: string[] = [`### setup\n${setup}\n`];
  for (const block of blocks) {
    if (block.name === "setup") continue;
    const plan = planned(setup, block.sql, file.startsWith("all-nodes"));
    out.push(`### ${block.name}\n${block.sql}\n--- plan\n${plan}\n`);
    if (!update) test(`${file}: ${block.name}`, () => assert.equal(plan, block.plan));
  }
  if (update) writeFileSync(path, out.join("\n"));
}

test("there are golden plans", () => {
  assert.ok(readdirSync(folder).some((name) => name.endsWith(".plan.txt")));
});
