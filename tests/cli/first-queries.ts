/**
 * The queries that people type first, over two CSV files: `{o}` and `{c}` stand for the tables, `{w}` for
 * the first with a watermark. Both engines take the
 * text as it is, unless `duck` gives another spelling.
 */
export interface FirstQuery {
  readonly sql: string;
  /** The same for DuckDB, where Flink's word is another. */
  readonly duck?: string;
  /** Streaming has no answer for it: Flink sorts by time alone there. */
  readonly batchOnly?: true;
}

const q = (sql: string, duck?: string): FirstQuery =>
  duck === undefined ? { sql } : { sql, duck };

export const FIRST_QUERIES: readonly FirstQuery[] = [
  q("SELECT COUNT(*) AS n FROM {o}"),
  q("SELECT COUNT(cust) AS n, COUNT(DISTINCT cust) AS d FROM {o}"),
  q("SELECT item, COUNT(*) AS n, SUM(qty) AS s FROM {o} GROUP BY item"),
  q("SELECT item, MIN(price) AS a, MAX(price) AS b, AVG(price) AS c FROM {o} GROUP BY item"),
  q("SELECT cust, SUM(price * qty) AS total FROM {o} GROUP BY cust HAVING SUM(price * qty) > 500"),
  q("SELECT id, item FROM {o} WHERE qty BETWEEN 3 AND 5 AND price > 50"),
  q("SELECT id FROM {o} WHERE note IS NULL"),
  q("SELECT id FROM {o} WHERE note LIKE 'l%' OR item LIKE '%an%'"),
  q("SELECT id FROM {o} WHERE note LIKE 'a\\%b' ESCAPE '\\'"),
  q("SELECT id FROM {o} WHERE item NOT LIKE '%e%'"),
  q(
    "SELECT id, CASE WHEN qty > 7 THEN 'many' WHEN qty > 3 THEN 'some' ELSE 'few' END AS k FROM {o}",
  ),
  q(
    "SELECT CASE qty WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS k, COUNT(*) AS n FROM {o} GROUP BY CASE qty WHEN 1 THEN 'one' WHEN 2 THEN 'two' END",
  ),
  q("SELECT id, COALESCE(note, 'none') AS n, NULLIF(qty, 0) AS z FROM {o}"),
  q("SELECT id, UPPER(item) AS u, LOWER(item) AS l, CHAR_LENGTH(item) AS n FROM {o}"),
  q("SELECT id, SUBSTRING(item, 2, 3) AS s, TRIM(item) AS t, item || '-' || note AS c FROM {o}"),
  q("SELECT id, CONCAT_WS('/', item, note) AS c, REPLACE(item, 'e', 'E') AS r FROM {o}"),
  q("SELECT id, POSITION('a' IN item) AS p, LPAD(item, 8, '*') AS l FROM {o}"),
  q(
    "SELECT id, REGEXP_REPLACE(item, '[aeiou]', '_') AS r FROM {o}",
    "SELECT id, REGEXP_REPLACE(item, '[aeiou]', '_', 'g') AS r FROM {o}",
  ),
  q(
    "SELECT id, EXTRACT(YEAR FROM ts) AS y, EXTRACT(MONTH FROM ts) AS m, EXTRACT(DAY FROM ts) AS d, EXTRACT(HOUR FROM ts) AS h FROM {o}",
  ),
  q(
    "SELECT id, CAST(ts AS DATE) AS d, CAST(`day` AS STRING) AS s FROM {o}",
    "SELECT id, CAST(ts AS DATE) AS d, CAST(day AS VARCHAR) AS s FROM {o}",
  ),
  q(
    "SELECT id, DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm') AS f FROM {o}",
    "SELECT id, strftime(ts, '%Y-%m-%d %H:%M') AS f FROM {o}",
  ),
  q(
    "SELECT id, FLOOR(ts TO DAY) AS f FROM {o}",
    "SELECT id, date_trunc('day', ts)::TIMESTAMP AS f FROM {o}",
  ),
  q("SELECT id, ts + INTERVAL '1' DAY AS t FROM {o} WHERE ts < TIMESTAMP '2024-01-10 00:00:00'"),
  q(
    "SELECT id, TIMESTAMPDIFF(HOUR, TIMESTAMP '2024-01-01 00:00:00', ts) AS h FROM {o}",
    "SELECT id, datesub('hour', TIMESTAMP '2024-01-01 00:00:00', ts) AS h FROM {o}",
  ),
  q(
    "SELECT id, ROUND(price, 1) AS r, FLOOR(price) AS f, CEIL(price) AS c, ABS(qty - 5) AS a, MOD(id, 7) AS m FROM {o}",
  ),
  q(
    "SELECT id, CAST(price AS INT) AS i FROM {o} WHERE price >= 0",
    "SELECT id, CAST(trunc(price) AS INT) AS i FROM {o} WHERE price >= 0",
  ),
  q("SELECT id, CAST(price AS DECIMAL(10, 2)) * 2 AS i FROM {o}"),
  q("SELECT DISTINCT item, qty FROM {o}"),
  q("SELECT o.id, c.name FROM {o} AS o JOIN {c} AS c ON o.cust = c.cust"),
  q("SELECT o.id, c.name FROM {o} AS o LEFT JOIN {c} AS c ON o.cust = c.cust"),
  q("SELECT c.name, o.id FROM {o} AS o RIGHT JOIN {c} AS c ON o.cust = c.cust AND o.qty > 7"),
  q("SELECT c.name, o.id FROM {o} AS o FULL JOIN {c} AS c ON o.cust = c.cust"),
  q(
    "SELECT c.city, COUNT(*) AS n, SUM(o.qty) AS s FROM {o} AS o JOIN {c} AS c ON o.cust = c.cust WHERE c.vip GROUP BY c.city",
  ),
  q("SELECT id FROM {o} WHERE cust IN (SELECT cust FROM {c} WHERE city = 'Rome')"),
  q(
    "SELECT name FROM {c} AS c WHERE EXISTS (SELECT 1 FROM {o} AS o WHERE o.cust = c.cust AND o.qty = 9)",
  ),
  q(
    "SELECT name FROM {c} AS c WHERE NOT EXISTS (SELECT 1 FROM {o} AS o WHERE o.cust = c.cust AND o.qty > 5)",
  ),
  q("SELECT id FROM {o} WHERE price > (SELECT AVG(price) FROM {o})"),
  q("SELECT cust FROM {o} WHERE qty > 7 UNION SELECT cust FROM {c}"),
  q("SELECT cust FROM {o} WHERE qty > 7 UNION ALL SELECT cust FROM {c}"),
  q("SELECT cust FROM {o} INTERSECT SELECT cust FROM {c}"),
  q("SELECT cust FROM {c} EXCEPT SELECT cust FROM {o} WHERE qty > 4"),
  q(
    "WITH t AS (SELECT item, SUM(qty) AS s FROM {o} GROUP BY item) SELECT COUNT(*) AS n, MAX(s) AS m FROM t",
  ),
  q(
    "SELECT item, id, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY price DESC, id) AS rn FROM {o}) AS t WHERE rn <= 3",
  ),
  q("SELECT id, price FROM {o} ORDER BY price DESC, id LIMIT 5"),
  q("SELECT id, price FROM {o} ORDER BY price, id LIMIT 5 OFFSET 3"),
  { sql: "SELECT id, price FROM {o} ORDER BY price, id", batchOnly: true },
  q(
    "SELECT item, COUNT(*) FILTER (WHERE qty > 5) AS f, SUM(CASE WHEN qty > 5 THEN 1 ELSE 0 END) AS s FROM {o} GROUP BY item",
  ),
  q("SELECT item, cust, COUNT(*) AS n FROM {o} GROUP BY ROLLUP (item, cust)"),
  q(
    "SELECT v.a + 1 AS x, v.b AS y FROM (VALUES (1, 'p'), (2, 'q'), (3, CAST(NULL AS STRING))) AS v(a, b)",
    "SELECT v.a + 1 AS x, v.b AS y FROM (VALUES (1, 'p'), (2, 'q'), (3, NULL)) AS v(a, b)",
  ),
  q(
    "SELECT cust, MIN(ts) AS a, MAX(`day`) AS b FROM {o} GROUP BY cust",
    "SELECT cust, MIN(ts) AS a, MAX(day) AS b FROM {o} GROUP BY cust",
  ),
  q(
    "SELECT window_start AS w, COUNT(*) AS n, SUM(qty) AS s FROM TABLE(TUMBLE(TABLE {w}, DESCRIPTOR(ts), INTERVAL '10' DAY)) GROUP BY window_start, window_end",
    "SELECT make_timestamp((floor(epoch(ts) / 864000) * 864000000000)::BIGINT) AS w, COUNT(*) AS n, SUM(qty) AS s FROM {o} GROUP BY 1",
  ),
  q(
    "SELECT window_start AS w, item, MAX(price) AS m FROM TABLE(HOP(TABLE {w}, DESCRIPTOR(ts), INTERVAL '10' DAY, INTERVAL '20' DAY)) GROUP BY window_start, window_end, item",
    "SELECT make_timestamp(((floor(epoch(ts) / 864000) - k) * 864000000000)::BIGINT) AS w, item, MAX(price) AS m FROM {o}, (VALUES (0), (1)) AS h(k) GROUP BY 1, 2",
  ),
];
