import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "./sql-session.ts";

const DDL = `CREATE TABLE cdc (k INT, v INT, w INT, PRIMARY KEY (k) NOT ENFORCED)
    WITH ('connector' = 'kafka', 'format' = 'debezium-json');
  CREATE TABLE upserts (k INT, x INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
  CREATE TABLE retracts (k INT, x INT) WITH ('connector' = 'print');
  SET 'table.optimizer.non-deterministic-update.strategy' = 'TRY_RESOLVE';`;

function refused(insert: string): string | undefined {
  try {
    new SqlSession().executeScript(`${DDL} ${insert}`);
    return undefined;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "MR2213");
    return (error as Error).message;
  }
}

test("a column that is drawn may go where rows are told apart by a key alone", () => {
  assert.equal(refused("INSERT INTO upserts SELECT k, RAND_INTEGER(5) FROM cdc"), undefined);
  assert.match(refused("INSERT INTO retracts SELECT k, RAND_INTEGER(5) FROM cdc")!, /\bx\b|EXPR/);
  assert.notEqual(
    refused("INSERT INTO upserts SELECT RAND_INTEGER(5), v FROM cdc ON CONFLICT DO DEDUPLICATE"),
    undefined,
  );
});

test("and where nothing needs it, but not into state, nor where rows are filtered by it", () => {
  const drawn = "(SELECT k, v, RAND_INTEGER(5) AS r FROM cdc)";
  assert.equal(refused(`INSERT INTO retracts SELECT k, v FROM ${drawn}`), undefined);
  const counted = `INSERT INTO upserts SELECT k, MAX(r) FROM ${drawn} GROUP BY k`;
  assert.notEqual(refused(counted), undefined);
  assert.notEqual(refused(`INSERT INTO upserts SELECT k, v FROM ${drawn} WHERE r > 2`), undefined);
});
