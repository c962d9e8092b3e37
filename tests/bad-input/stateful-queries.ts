/** A query for every stateful operator of a stream, over t (id, k, s, d, ts); `changes`: it takes rows that are taken back. */
export interface StatefulQuery {
  readonly sql: string;
  readonly changes?: boolean;
}

const OVER = "OVER (PARTITION BY s ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)";
const WINDOW = "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))";
const ranked = (order: string, most: number) =>
  `SELECT id, s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ${order}) n FROM t) WHERE n <= ${most}`;

export const QUERIES: Readonly<Record<string, StatefulQuery>> = {
  GroupAggregate: {
    sql: "SELECT k, COUNT(*), COUNT(DISTINCT s), MIN(k), MAX(d), SUM(d) FROM t GROUP BY k",
    changes: true,
  },
  "GroupAggregate by text": { sql: "SELECT s, COUNT(*), SUM(k) FROM t GROUP BY s", changes: true },
  Join: { sql: "SELECT a.id, b.id FROM t a JOIN t b ON a.k = b.k AND a.id < b.id", changes: true },
  "outer Join": {
    sql: "SELECT a.id, b.id FROM t a FULL JOIN t b ON a.s = b.s AND a.d < b.d",
    changes: true,
  },
  "semi Join": { sql: "SELECT id FROM t WHERE k IN (SELECT k FROM t WHERE id > 1)", changes: true },
  IntervalJoin: {
    sql: "SELECT a.id, b.id FROM t a, t b WHERE a.s = b.s AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '5' SECOND",
  },
  Rank: { sql: ranked("d DESC, id", 2), changes: true },
  Deduplicate: { sql: ranked("ts", 1) },
  SortLimit: { sql: "SELECT id, d FROM t ORDER BY d, k, id LIMIT 3", changes: true },
  OverAggregate: { sql: `SELECT id, COUNT(*) ${OVER}, SUM(d) ${OVER} FROM t` },
  WindowAggregate: {
    sql: `SELECT k, window_start, COUNT(*), SUM(d) FROM ${WINDOW} GROUP BY k, window_start, window_end`,
  },
  WindowRank: {
    sql: `SELECT id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY d, id) n FROM ${WINDOW}) WHERE n <= 2`,
  },
  WindowJoin: {
    sql: `SELECT a.id, b.id FROM (SELECT * FROM ${WINDOW}) a JOIN (SELECT * FROM ${WINDOW}) b ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.k = b.k`,
  },
  Match: {
    sql: "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY s ORDER BY ts MEASURES A.id AS f, LAST(B.id) AS l AFTER MATCH SKIP PAST LAST ROW PATTERN (A B) WITHIN INTERVAL '5' SECOND DEFINE B AS B.id >= A.id)",
  },
  "anti Join": {
    sql: "SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM t b WHERE b.s = t.s AND b.id > t.id)",
    changes: true,
  },
  "Join by two keys": {
    sql: "SELECT a.id, b.id, c.id FROM t a JOIN t b ON a.k = b.k JOIN t c ON b.s = c.s AND a.id < c.id WHERE a.id < 20 AND c.id < 40",
    changes: true,
  },
  TemporalJoin: {
    sql: "SELECT t.id, v.id FROM t LEFT JOIN v FOR SYSTEM_TIME AS OF t.ts ON t.s = v.s",
  },
  "Top-N with its number": {
    sql: "SELECT id, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY s ORDER BY k DESC, d, id) n FROM t) WHERE n BETWEEN 2 AND 3",
    changes: true,
  },
  "Deduplicate, the last row": { sql: ranked("ts DESC", 1) },
  "OverAggregate by values": {
    sql: "SELECT id, SUM(id) OVER (PARTITION BY s ORDER BY k, d, id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM t",
    changes: true,
  },
  "OverAggregate by values, unbounded": {
    sql: "SELECT id, COUNT(d) OVER (PARTITION BY k ORDER BY d), MAX(s) OVER (PARTITION BY k ORDER BY d) FROM t",
    changes: true,
  },
  "OverAggregate by time range": {
    sql: "SELECT id, COUNT(DISTINCT k) OVER w, MIN(d) OVER w FROM t WINDOW w AS (PARTITION BY s ORDER BY ts RANGE BETWEEN INTERVAL '3' SECOND PRECEDING AND CURRENT ROW)",
  },
  "WindowAggregate, hopping": {
    sql: "SELECT s, window_end, COUNT(DISTINCT k), MAX(d) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY s, window_start, window_end",
  },
  "WindowAggregate, cumulating": {
    sql: "SELECT k, window_end, SUM(d), MIN(k) FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '20' SECOND)) GROUP BY k, window_start, window_end",
  },
  "WindowAggregate, sessions": {
    sql: "SELECT s, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY s, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY s, window_start, window_end",
  },
  GroupWindowAggregate: {
    sql: "SELECT k, TUMBLE_START(ts, INTERVAL '10' SECOND), COUNT(*) FROM t GROUP BY k, TUMBLE(ts, INTERVAL '10' SECOND)",
  },
  WindowDeduplicate: {
    sql: "SELECT k, s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k, s ORDER BY ts DESC) n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND))) WHERE n = 1",
  },
  Expand: {
    sql: "SELECT k, s, COUNT(*), SUM(d) FROM t GROUP BY GROUPING SETS ((k), (s), ())",
    changes: true,
  },
  "set operations": {
    sql: "(SELECT k, s FROM t INTERSECT ALL SELECT k, s FROM t) EXCEPT SELECT k, s FROM t WHERE id > 3",
    changes: true,
  },
  TemporalSort: { sql: "SELECT id, s FROM t ORDER BY ts, id" },
  "aggregates of collections": {
    sql: "SELECT k, LISTAGG(DISTINCT SUBSTRING(s FROM 1 FOR 3)), COUNT(DISTINCT d), AVG(k) FROM t GROUP BY k",
  },
};
