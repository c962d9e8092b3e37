/** Operators of event time × hostile input; the rules are in hostile-cases.ts. */
import type { HostileCase } from "./hostile-run.ts";
import {
  AGES,
  ALL,
  END,
  LATE_CUT,
  NAN,
  TIME,
  WINDOW,
  add,
  late,
  take,
  timed,
  times,
} from "./hostile-values.ts";

export const TIME_CASES: Readonly<Record<string, HostileCase>> = {
  TemporalJoin: {
    tables: {
      t: timed(1),
      r: {
        columns: `k DOUBLE, v INT, PRIMARY KEY (k) NOT ENFORCED, ${TIME}`,
        mode: ALL,
        events: [
          take(7, 1, ...times(0)),
          add(NAN, 100, ...times(0)),
          add(NAN, 101, ...times(1)),
          add(0, 200, ...times(0, 60)),
          add(7, 300, ...times(AGES + 1, END)),
        ],
      },
    },
    sql: "SELECT t.id, r.v FROM t LEFT JOIN r FOR SYSTEM_TIME AS OF t.ts ON t.k = r.k",
    rows: ["[1, 101]", "[2, null]", "[3, null]", "[4, null]"],
  },
  IntervalJoin: {
    tables: { t: timed(1), u: timed(11, 0) },
    sql: "SELECT t.id, u.id FROM t FULL JOIN u ON t.k = u.k AND u.ts BETWEEN t.ts AND t.ts + INTERVAL '5' SECOND",
    rows: ["[1, 11]", "[2, null]", "[3, null]", "[4, 14]", "[null, 12]", "[null, 13]"],
    changes: [
      "+I[1, 11]",
      "+I[2, null]",
      "+I[3, null]",
      "+I[4, 14]",
      "+I[null, 12]",
      "+I[null, 13]",
    ],
  },
  WindowJoin: {
    tables: { t: timed(1), u: timed(11, 0) },
    sql: `SELECT a.id, b.id FROM (SELECT * FROM ${WINDOW}) a FULL JOIN
      (SELECT * FROM ${WINDOW.replace("TABLE t", "TABLE u")}) b
      ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.k = b.k`,
    rows: ["[1, 11]", "[2, null]", "[3, null]", "[4, 14]", "[null, 12]", "[null, 13]"],
    changes: [
      "+I[1, 11]",
      "+I[2, null]",
      "+I[3, null]",
      "+I[4, 14]",
      "+I[null, 12]",
      "+I[null, 13]",
    ],
  },
  WindowRank: {
    tables: { t: late },
    sql: `SELECT id, k, n FROM (SELECT *, ROW_NUMBER() OVER
      (PARTITION BY window_start, window_end, k ORDER BY id DESC) n FROM ${WINDOW}) WHERE n <= 1`,
    rows: ["[2, NaN, 1]", "[4, null, 1]", "[5, -0.0, 1]", "[6, 0.0, 1]", "[9, NaN, 1]"],
    changes: [
      "+I[2, NaN, 1]",
      "+I[4, null, 1]",
      "+I[5, -0.0, 1]",
      "+I[6, 0.0, 1]",
      "+I[9, NaN, 1]",
    ],
    cut: LATE_CUT,
    late: 2,
  },
  WindowDeduplicate: {
    tables: { t: late },
    sql: `SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER
      (PARTITION BY window_start, window_end, k ORDER BY ts) n FROM ${WINDOW}) WHERE n = 1`,
    rows: ["[1, NaN]", "[3, null]", "[5, -0.0]", "[6, 0.0]", "[9, NaN]"],
    changes: ["+I[1, NaN]", "+I[3, null]", "+I[5, -0.0]", "+I[6, 0.0]", "+I[9, NaN]"],
    cut: LATE_CUT,
    late: 2,
  },
  WindowAggregate: {
    tables: { t: late },
    sql: `SELECT k, COUNT(*), MAX(id) FROM ${WINDOW} GROUP BY k, window_start, window_end`,
    rows: ["[-0.0, 1, 5]", "[0.0, 1, 6]", "[NaN, 1, 9]", "[NaN, 2, 2]", "[null, 2, 4]"],
    cut: LATE_CUT,
    late: 2,
  },
  "GroupWindowAggregate, sessions": {
    tables: { t: late },
    sql: "SELECT k, COUNT(*), MAX(id) FROM t GROUP BY k, SESSION(ts, INTERVAL '10' SECOND)",
    rows: ["[-0.0, 1, 5]", "[0.0, 1, 6]", "[NaN, 1, 9]", "[NaN, 2, 2]", "[null, 2, 4]"],
    changes: [
      "+I[-0.0, 1, 5]",
      "+I[0.0, 1, 6]",
      "+I[NaN, 1, 9]",
      "+I[NaN, 2, 2]",
      "+I[null, 2, 4]",
    ],
    cut: LATE_CUT,
    late: 2,
  },
  "WindowAggregate, sessions": {
    tables: { t: late },
    sql: `SELECT k, COUNT(*), MAX(id) FROM SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND)
      GROUP BY k, window_start, window_end`,
    rows: ["[-0.0, 1, 5]", "[0.0, 1, 6]", "[NaN, 1, 9]", "[NaN, 2, 2]", "[null, 2, 4]"],
    cut: LATE_CUT,
    late: 2,
  },
  "OverAggregate by time": {
    tables: { t: late },
    sql: "SELECT id, k, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM t",
    rows: [
      "[1, NaN, 1]",
      "[2, NaN, 2]",
      "[3, null, 1]",
      "[4, null, 2]",
      "[5, -0.0, 1]",
      "[6, 0.0, 1]",
      "[9, NaN, 3]",
    ],
    cut: LATE_CUT,
    late: 2,
  },
  Match: {
    tables: { t: late },
    sql: `SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.id AS f, B.id AS l
      ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (A B) DEFINE B AS B.id > A.id)`,
    rows: ["[NaN, 1, 2]", "[NaN, 2, 9]", "[null, 3, 4]"],
    cut: LATE_CUT,
    late: 2,
  },
  "Deduplicate, the first row by time": {
    tables: { t: late },
    sql: "SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) n FROM t) WHERE n = 1",
    rows: ["[1, NaN]", "[3, null]", "[5, -0.0]", "[6, 0.0]"],
    cut: LATE_CUT,
    late: 2,
  },
  "Deduplicate, the first row by time, in mini-batches": {
    tables: { t: late },
    config: {
      "table.exec.mini-batch.enabled": "true",
      "table.exec.mini-batch.allow-latency": "1 s",
      "table.exec.mini-batch.size": "3",
    },
    sql: "SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) n FROM t) WHERE n = 1",
    rows: ["[1, NaN]", "[3, null]", "[5, -0.0]", "[6, 0.0]"],
    cut: LATE_CUT,
  },
  "WindowJoin, late rows": {
    tables: { t: late },
    sql: `SELECT a.id, b.id FROM (SELECT * FROM ${WINDOW}) a JOIN (SELECT * FROM ${WINDOW}) b
      ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.id = b.id WHERE a.k IS NOT NULL`,
    rows: ["[1, 1]", "[2, 2]", "[5, 5]", "[6, 6]", "[9, 9]"],
    cut: LATE_CUT,
    late: 3,
  },
  "WindowTableFunction, sessions": {
    tables: { t: late },
    sql: "SELECT id, k FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
    rows: ["[1, NaN]", "[2, NaN]", "[3, null]", "[4, null]", "[5, -0.0]", "[6, 0.0]", "[9, NaN]"],
    cut: LATE_CUT,
    late: 2,
  },
  TemporalSort: {
    tables: { t: late },
    sql: "SELECT id, k FROM t ORDER BY ts",
    rows: ["[1, NaN]", "[2, NaN]", "[3, null]", "[4, null]", "[5, -0.0]", "[6, 0.0]", "[9, NaN]"],
    cut: LATE_CUT,
    late: 2,
  },
  GroupWindowAggregate: {
    tables: { t: late },
    sql: "SELECT k, COUNT(*), MAX(id) FROM t GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND)",
    rows: ["[-0.0, 1, 5]", "[0.0, 1, 6]", "[NaN, 1, 9]", "[NaN, 2, 2]", "[null, 2, 4]"],
    cut: LATE_CUT,
    late: 2,
  },
  "GroupWindowAggregate, late firings": {
    tables: { t: late },
    config: {
      "table.exec.emit.late-fire.enabled": "true",
      "table.exec.emit.late-fire.delay": "0 s",
      "table.exec.emit.allow-lateness": "1 d",
    },
    sql: "SELECT k, COUNT(*), MAX(id) FROM t GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND)",
    rows: ["[-0.0, 1, 5]", "[0.0, 1, 6]", "[NaN, 1, 9]", "[NaN, 3, 7]", "[null, 3, 8]"],
    cut: LATE_CUT,
  },
  "Deduplicate, the last row by time": {
    tables: { t: late },
    sql: "SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) n FROM t) WHERE n = 1",
    rows: ["[4, null]", "[5, -0.0]", "[6, 0.0]", "[9, NaN]"],
    cut: LATE_CUT,
  },
};
