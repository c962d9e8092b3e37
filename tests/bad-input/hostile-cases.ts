/**
 * Operator × hostile input, with the answers that Flink's rules give.
 *
 * Rules: keys are compared by their bits in state (BinaryRowData): NaN is equal to itself, −0.0 and 0.0 are two keys, NULL is a
 *        group and a partition of its own and joins nothing. A change that takes back a row which is not in state is left out
 *        (RetractableTopNFunction, SinkUpsertMaterializer, ProcTimeDeduplicateKeepLastRowFunction, GroupAggFunction), and
 *        joins pass it on with the rows it would have matched (StreamingJoinOperator). Windows, OVER by time and patterns
 *        leave out rows behind the watermark.
 */
import type { HostileCase } from "./hostile-run.ts";
import { TIME_CASES } from "./hostile-time-cases.ts";
import { ALL, NAN, ZERO, add, change, changed, other, take } from "./hostile-values.ts";

const MOST = "9".repeat(38);
const decimal = (text: string) => ({ $decimal: text });

export const CASES: Readonly<Record<string, HostileCase>> = {
  ...TIME_CASES,
  ChangelogNormalize: {
    tables: {
      u: {
        columns: "k DOUBLE, v INT, PRIMARY KEY (k) NOT ENFORCED",
        mode: "I,UA,D",
        events: [
          add(NAN, 1),
          take({ $double: "Infinity" }, 9),
          change("+U", NAN, 2),
          add(ZERO, 1),
          add(0, 2),
          add(1, 5),
          add(1, 5),
          take(1, null),
          take(1, null),
        ],
      },
    },
    sql: "SELECT * FROM u",
    rows: ["[-0.0, 1]", "[0.0, 2]", "[NaN, 2]"],
    changes: [
      "+I[NaN, 1]",
      "-U[NaN, 1]",
      "+U[NaN, 2]",
      "+I[-0.0, 1]",
      "+I[0.0, 2]",
      "+I[1.0, 5]",
      "-D[1.0, 5]",
    ],
  },
  SinkUpsertMaterializer: {
    tables: {
      c: {
        columns: "id INT, k DOUBLE, v INT",
        mode: ALL,
        events: [
          take(3, 7, 3),
          add(1, 7, 1),
          add(2, 7, 2),
          take(1, 7, 1),
          add(4, NAN, 4),
          add(5, NAN, 5),
          take(6, NAN, 6),
          take(5, NAN, 5),
          add(7, ZERO, 1),
          add(8, 0, 2),
          take(2, 7, 2),
        ],
      },
    },
    setup: [
      "CREATE TABLE o (k DOUBLE, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'values', 'sink-insert-only' = 'false')",
    ],
    config: { "table.exec.sink.upsert-materialize": "FORCE" },
    sql: "INSERT INTO o SELECT k, v FROM c",
    rows: ["[-0.0, 1]", "[0.0, 2]", "[NaN, 4]"],
    changes: [
      "+I[7.0, 1]",
      "+U[7.0, 2]",
      "-D[7.0, 2]",
      "+I[NaN, 4]",
      "+U[NaN, 5]",
      "+U[NaN, 4]",
      "+I[-0.0, 1]",
      "+I[0.0, 2]",
    ],
  },
  "Correlate, UNNEST": {
    tables: {
      a: {
        columns: "id INT, l ARRAY<DOUBLE>",
        mode: ALL,
        events: [
          add(1, null),
          add(2, []),
          add(3, [null, NAN, ZERO]),
          take(4, [0]),
          add(3, [null, NAN, ZERO]),
          take(3, [null, NAN, ZERO]),
        ],
      },
    },
    sql: "SELECT id, x FROM a LEFT JOIN UNNEST(l) AS u (x) ON TRUE",
    rows: ["[1, null]", "[2, null]", "[3, -0.0]", "[3, NaN]", "[3, null]"],
  },
  LookupJoin: {
    tables: {
      t: {
        columns: "id INT, k DOUBLE, p AS PROCTIME()",
        mode: ALL,
        events: [take(9, NAN), add(1, NAN), add(2, null), add(3, ZERO), add(4, 0), take(8, null)],
      },
      d: {
        columns: "k DOUBLE, v INT",
        whole: true,
        events: [add(NAN, 1), add(0, 2), add(null, 3), add(NAN, 4)],
      },
    },
    sql: "SELECT t.id, d.v FROM t LEFT JOIN d FOR SYSTEM_TIME AS OF t.p ON t.k = d.k",
    rows: ["[1, 1]", "[1, 4]", "[2, null]", "[3, null]", "[4, 2]"],
    changes: [
      "-D[9, 1]",
      "-D[9, 4]",
      "+I[1, 1]",
      "+I[1, 4]",
      "+I[2, null]",
      "+I[3, null]",
      "+I[4, 2]",
      "-D[8, null]",
    ],
  },
  "OverAggregate by values": {
    tables: { t: changed },
    sql: "SELECT id, k, SUM(v) OVER (PARTITION BY k ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t",
    rows: ["[1, NaN, 10]", "[2, null, 21]", "[3, -0.0, 30]", "[4, 0.0, 40]"],
  },
  "Rank, append": {
    tables: {
      t: {
        columns: "id INT, k DOUBLE, v INT",
        events: [
          add(1, NAN, 5),
          add(2, NAN, null),
          add(3, NAN, 7),
          add(4, null, 1),
          add(5, null, 1),
          add(6, ZERO, 1),
          add(7, 0, 1),
        ],
      },
    },
    sql: "SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v, id) n FROM t) WHERE n <= 1",
    rows: ["[2, NaN]", "[4, null]", "[6, -0.0]", "[7, 0.0]"],
  },
  "Rank, fast updates": {
    tables: {
      t: {
        columns: "id INT, k DOUBLE, v INT",
        events: [
          add(1, NAN, 5),
          add(2, NAN, 1),
          add(2, NAN, 2),
          add(4, null, 1),
          add(5, null, 1),
          add(null, null, 1),
          add(null, null, 1),
        ],
      },
    },
    sql: `SELECT k, id, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY c DESC) n
      FROM (SELECT k, id, COUNT(*) AS c FROM t GROUP BY k, id)) WHERE n <= 1`,
    rows: ["[NaN, 2, 2]", "[null, null, 2]"],
  },
  "Rank, retractions": {
    tables: { t: changed },
    sql: "SELECT id, k, v, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) n FROM t) WHERE n <= 2",
    rows: ["[1, NaN, 10, 1]", "[2, null, 21, 1]", "[3, -0.0, 30, 1]", "[4, 0.0, 40, 1]"],
  },
  "GroupAggregate, all kinds of keys": {
    tables: { t: changed },
    sql: "SELECT k, COUNT(*), SUM(v), MAX(v), COUNT(DISTINCT id) FROM t WHERE id < 7 GROUP BY k",
    rows: [
      "[-0.0, 1, 30, 30, 1]",
      "[0.0, 1, 40, 40, 1]",
      "[NaN, 1, 10, 10, 1]",
      "[null, 1, 21, 21, 1]",
    ],
  },
  "GroupAggregate, decimals at their ends": {
    tables: {
      t: {
        columns: "k INT, d DECIMAL(38, 0)",
        events: [
          add(1, decimal(MOST)),
          add(1, decimal(MOST)),
          add(2, decimal(MOST)),
          add(2, decimal(`-${MOST}`)),
          add(3, null),
          add(null, decimal(`-${MOST}`)),
        ],
      },
    },
    sql: "SELECT k, SUM(d), MIN(d), COUNT(DISTINCT d) FROM t GROUP BY k",
    rows: [
      `[1, null, ${MOST}, 1]`,
      `[2, 0, -${MOST}, 2]`,
      "[3, null, null, 0]",
      `[null, -${MOST}, -${MOST}, 1]`,
    ],
  },
  Join: {
    tables: { t: changed, u: other },
    sql: "SELECT t.id, u.id FROM t JOIN u ON t.k = u.k",
    rows: ["[1, 11]", "[4, 14]"],
  },
  "outer Join": {
    tables: {
      t: { ...changed, events: changed.events.slice(1, -1) },
      u: { ...other, events: [add(11, NAN, 1), add(12, null, 2), add(14, 0, 4)] },
    },
    sql: "SELECT t.id, u.id FROM t FULL JOIN u ON t.k = u.k WHERE COALESCE(t.id, 0) < 7",
    rows: ["[1, 11]", "[2, null]", "[3, null]", "[4, 14]", "[null, 12]"],
  },
  MultiJoin: {
    tables: {
      t: changed,
      u: other,
      w: {
        columns: "id INT, k DOUBLE, v INT",
        mode: ALL,
        events: [add(21, NAN, 1), add(22, null, 1), add(23, 0, 1), take(24, ZERO, 1)],
      },
    },
    config: { "table.optimizer.multi-join.enabled": "true" },
    sql: "SELECT t.id, u.id, w.id FROM t JOIN u ON t.k = u.k JOIN w ON u.k = w.k",
    rows: ["[1, 11, 21]", "[4, 14, 23]"],
  },
  Expand: {
    tables: {
      t: {
        columns: "id INT, k DOUBLE, s STRING",
        events: [
          add(1, null, "a"),
          add(2, NAN, null),
          add(3, ZERO, "a"),
          add(4, 0, null),
          add(5, null, null),
        ],
      },
    },
    sql: "SELECT k, s, GROUPING(k), GROUPING(s), COUNT(*) FROM t GROUP BY GROUPING SETS ((k), (s), ())",
    rows: [
      "[-0.0, null, 0, 1, 1]",
      "[0.0, null, 0, 1, 1]",
      "[NaN, null, 0, 1, 1]",
      "[null, a, 1, 0, 2]",
      "[null, null, 0, 1, 2]",
      "[null, null, 1, 0, 3]",
      "[null, null, 1, 1, 5]",
    ],
  },
  "INTERSECT ALL": {
    tables: {
      t: {
        columns: "k DOUBLE",
        mode: ALL,
        events: [take(5), add(NAN), add(NAN), add(null), add(ZERO), add(1), take(1)],
      },
      u: {
        columns: "k DOUBLE",
        mode: ALL,
        events: [add(null), add(null), add(NAN), add(NAN), add(0), add(1)],
      },
    },
    sql: "SELECT k FROM t INTERSECT ALL SELECT k FROM u",
    rows: ["[NaN]", "[NaN]", "[null]"],
  },
  "EXCEPT ALL": {
    tables: {
      t: {
        columns: "k DOUBLE",
        mode: ALL,
        events: [add(NAN), add(NAN), add(null), add(null), add(ZERO), add(1), take(1)],
      },
      u: {
        columns: "k DOUBLE",
        mode: ALL,
        events: [add(null), add(NAN), add(NAN), add(0), add(1)],
      },
    },
    sql: "SELECT k FROM t EXCEPT ALL SELECT k FROM u",
    rows: ["[-0.0]", "[null]"],
  },
  TO_CHANGELOG: {
    tables: { t: changed },
    sql: "SELECT * FROM TO_CHANGELOG(TABLE t)",
    rows: [
      "[DELETE, 1, NaN, 10]",
      "[DELETE, 7, 0.0, 30]",
      "[DELETE, 8, null, 5]",
      "[DELETE, 9, NaN, 1]",
      "[INSERT, 1, NaN, 10]",
      "[INSERT, 1, NaN, 10]",
      "[INSERT, 2, null, 20]",
      "[INSERT, 3, -0.0, 30]",
      "[INSERT, 4, 0.0, 40]",
      "[UPDATE_AFTER, 2, null, 21]",
      "[UPDATE_BEFORE, 2, null, 20]",
    ],
  },
  FROM_CHANGELOG: {
    tables: {
      c: {
        columns: "op STRING, k DOUBLE, v INT",
        events: [
          add("DELETE", NAN, 1),
          add("INSERT", null, 2),
          add("INSERT", NAN, 3),
          add("UPDATE_BEFORE", null, 2),
          add("UPDATE_AFTER", null, 4),
          add("DELETE", NAN, 3),
        ],
      },
    },
    sql: "SELECT k, COUNT(*), SUM(v) FROM FROM_CHANGELOG(TABLE c) WHERE v > 1 GROUP BY k",
    rows: ["[null, 1, 4]"],
  },
  ProcessTableFunction: {
    tables: {
      t: {
        columns: "id INT, k DOUBLE",
        events: [add(1, NAN), add(2, null), add(3, ZERO), add(4, NAN), add(5, null), add(6, 0)],
      },
    },
    setup: ["CREATE FUNCTION f AS 'MultiStateFunction'"],
    sql: "SELECT * FROM f(r => TABLE t PARTITION BY k)",
    rows: [
      "[-0.0, {+I[null], +I[null], +I[3, -0.0]}]",
      "[0.0, {+I[null], +I[null], +I[6, 0.0]}]",
      "[NaN, {+I[1], +I[0], +I[4, NaN]}]",
      "[NaN, {+I[null], +I[null], +I[1, NaN]}]",
      "[null, {+I[1], +I[0], +I[5, null]}]",
      "[null, {+I[null], +I[null], +I[2, null]}]",
    ],
  },
};
