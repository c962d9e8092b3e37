/** Which side of a batch join builds, and whether it is copied: by estimates, hints and options. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE big (k BIGINT, v STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1000000');
  CREATE TABLE few (k BIGINT, w STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');`;

/** The join's build side, how its rows are moved, and the warnings. */
function planned(hint: string, join = "JOIN", settings: Readonly<Record<string, string>> = {}) {
  const session = new SqlSession();
  session.execute("SET 'execution.runtime-mode' = 'batch'");
  for (const [key, value] of Object.entries(settings)) session.execute(`SET '${key}' = '${value}'`);
  session.executeScript(DDL);
  const sql = `SELECT ${hint} big.v FROM big ${join} few ON big.k = few.k`;
  const result = session.execute(sql);
  assert.ok(result.kind === "query");
  const node = result.plan.nodes.find(({ type }) => type === "Join");
  assert.ok(node?.type === "Join");
  const moved = node.inputs.map(({ distribution }) => distribution.kind).join(" ");
  return [node.build, moved, result.warnings.map(({ code }) => code).join()];
}

test("the smaller side builds and is copied where the other one is much larger", () => {
  assert.deepEqual(planned(""), ["right", "forward broadcast", ""]);
  assert.deepEqual(planned("", "RIGHT JOIN"), ["right", "hash hash", ""]);
});

test("BROADCAST copies the side that it names, if the join can", () => {
  assert.deepEqual(planned("/*+ BROADCAST(big) */"), ["left", "broadcast forward", ""]);
  assert.deepEqual(planned("/*+ BROADCAST(few) */"), ["right", "forward broadcast", ""]);
  const refused = planned("/*+ BROADCAST(big) */", "LEFT JOIN");
  assert.deepEqual(refused, ["right", "forward broadcast", "MR2259"]);
});

test("SHUFFLE_HASH builds from the side that it names, without copies", () => {
  assert.deepEqual(planned("/*+ SHUFFLE_HASH(big) */"), ["left", "hash hash", ""]);
  assert.deepEqual(planned("/*+ SHUFFLE_HASH(few) */", "FULL JOIN"), ["right", "hash hash", ""]);
});

test("the first hint that a join can follow counts; others are warned of", () => {
  const hints = planned("/*+ SHUFFLE_MERGE(few), SHUFFLE_HASH(big), BROADCAST(few) */");
  assert.deepEqual(hints, ["left", "hash hash", "MR2259,MR2259"]);
});

test("disabled operators are done without, or refused by name", () => {
  const key = "table.exec.disabled-operators";
  const settings = { [key]: "SortAgg, BroadcastHashJoin" };
  assert.deepEqual(planned("", "JOIN", settings), ["right", "hash hash", ""]);
  assert.deepEqual(planned("/*+ BROADCAST(few) */", "JOIN", settings), ["right", "hash hash", ""]);
  const codeOf = (value: string) => {
    try {
      planned("", "JOIN", { [key]: value });
      return "";
    } catch (error) {
      return toMillraceError(error).code;
    }
  };
  assert.equal(codeOf("ShuffleHashJoin"), "MR2139");
  assert.equal(codeOf("SortMergeJoin,HashAgg"), "MR2139");
  assert.equal(codeOf("NestedLoopJoin"), "MR2139");
  assert.equal(codeOf("QuickJoin"), "MR2126");
});
