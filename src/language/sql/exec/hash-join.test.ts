/** Which side of a batch join builds, whether it is copied or merged: by estimates, hints and options; and what EXPLAIN says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toMillraceError } from "../../../foundation/base/errors.ts";
import { SqlSession } from "../script/sql-session.ts";

const DDL = `
  CREATE TABLE big (k BIGINT, v STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1000000');
  CREATE TABLE few (k BIGINT, w STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');`;

/** The join's build side, how its rows are moved, and the warnings. */
function planned(hint: string, join = "JOIN", settings: Readonly<Record<string, string>> = {}) {
  const { node, codes } = planOf(hint, join, settings);
  const moved = node.inputs.map(({ distribution }) => distribution.kind).join(" ");
  return [node.merges === true ? "merged" : node.build, moved, codes];
}

function planOf(hint: string, join: string, settings: Readonly<Record<string, string>> = {}) {
  const session = new SqlSession();
  session.execute("SET 'execution.runtime-mode' = 'batch'");
  for (const [key, value] of Object.entries(settings)) session.execute(`SET '${key}' = '${value}'`);
  session.executeScript(DDL);
  const sql = `SELECT ${hint} big.v FROM big ${join} few ON big.k = few.k`;
  const result = session.execute(sql);
  assert.ok(result.kind === "query");
  const node = result.plan.nodes.find(({ type }) => type === "Join");
  assert.ok(node?.type === "Join");
  return { node, codes: result.warnings.map(({ code }) => code).join() };
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
  const hints = planned("/*+ NEST_LOOP(few), SHUFFLE_HASH(big), BROADCAST(few) */");
  assert.deepEqual(hints, ["left", "hash hash", "MR2259,MR2259"]);
});

test("SHUFFLE_MERGE sorts and merges both sides, whichever it names", () => {
  assert.deepEqual(planned("/*+ SHUFFLE_MERGE(few) */"), ["merged", "hash hash", ""]);
  assert.deepEqual(planned("/*+ SHUFFLE_MERGE(big) */", "FULL JOIN"), ["merged", "hash hash", ""]);
  const key = "table.exec.disabled-operators";
  const unmerged = planned("/*+ SHUFFLE_MERGE(big) */", "JOIN", { [key]: "SortMergeJoin" });
  assert.deepEqual(unmerged, ["right", "hash hash", ""]);
});

test("EXPLAIN calls joins by Flink's names", () => {
  const description = (...args: Parameters<typeof planOf>) => planOf(...args).node.description;
  assert.equal(
    description("", "JOIN"),
    "HashJoin(joinType=[InnerJoin], where=[=(k, k0)], select=[k, v, k0], isBroadcast=[true], build=[right])",
  );
  assert.equal(
    description("/*+ SHUFFLE_HASH(big) */", "LEFT JOIN"),
    "HashJoin(joinType=[LeftOuterJoin], where=[=(k, k0)], select=[k, v, k0], build=[left])",
  );
  assert.equal(
    description("/*+ SHUFFLE_MERGE(big) */", "FULL JOIN"),
    "SortMergeJoin(joinType=[FullOuterJoin], where=[=(k, k0)], select=[k, v, k0])",
  );
  assert.equal(
    description("", "JOIN few AS f ON big.k < f.k JOIN"),
    "NestedLoopJoin(joinType=[InnerJoin], where=[<(k, k0)], select=[k, v, k0], build=[right])",
  );
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
  const unhashed = { [key]: "BroadcastHashJoin, ShuffleHashJoin" };
  for (const join of ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
    assert.deepEqual(planned("", join, unhashed), ["merged", "hash hash", ""]);
  const kept = planned("", "JOIN", { [key]: "ShuffleHashJoin" });
  assert.deepEqual(kept, ["right", "forward broadcast", ""]);
  assert.equal(codeOf("ShuffleHashJoin, SortMergeJoin"), "MR2139");
  assert.equal(codeOf("SortMergeJoin,HashAgg"), "");
  assert.equal(codeOf("HashAgg, SortAgg"), "MR2139");
  assert.equal(codeOf("NestedLoopJoin"), "MR2139");
  assert.equal(codeOf("QuickJoin"), "MR2126");
});
