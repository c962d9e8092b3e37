/**
 * Questions about a script of its own, asked before anybody asks: an engine that has not run this code yet takes several times as
 * long for the first answers, and nobody should wait for them while typing.
 *
 * Flow:    editor-service.ts prepare() → here, a step at a time, so that a page stays responsive between them.
 * Limits:  ROUNDS; a step takes a few milliseconds.
 */
import type { SqlEditorService } from "./editor-service.ts";

const ROUNDS = 10;

const SAMPLE = `-- Orders an hour.
CREATE TABLE orders (
  \`id\` BIGINT NOT NULL, customer STRING, price DECIMAL(10, 2), items ARRAY<ROW<sku STRING, n INT>>, ts TIMESTAMP(3),
  day AS DATE_FORMAT(ts, 'yyyy-MM-dd'), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (\`id\`) NOT ENFORCED
) WITH ('connector' = 'datagen', 'rows-per-second' = '100');
CREATE TABLE events (
  kind INT, buyer ROW<name STRING, at_time TIMESTAMP(3)>, sale ROW<item BIGINT, at_time TIMESTAMP(3)>,
  at_time AS CASE WHEN kind = 0 THEN buyer.at_time ELSE sale.at_time END,
  WATERMARK FOR at_time AS at_time - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '/tmp', 'format' = 'json');
CREATE VIEW sales AS SELECT sale.item AS item, buyer.name, at_time FROM events WHERE kind = 1;
CREATE TEMPORARY VIEW hourly AS
SELECT customer, window_start, SUM(price) AS total, COUNT(DISTINCT \`id\`) FILTER (WHERE price > 1.5) AS n
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY customer, window_start, window_end
HAVING COUNT(*) > 1;
CREATE TABLE report (customer STRING, total DECIMAL(38, 2), kind STRING) WITH ('connector' = 'print');
INSERT INTO report
WITH large AS (SELECT customer, total FROM hourly WHERE total >= 100 AND customer IS NOT NULL OR NOT (total < 0))
SELECT l.customer, CAST(l.total AS DECIMAL(38, 2)), CASE WHEN h.n > 3 THEN 'many' ELSE LOWER('FEW') END
FROM large AS l LEFT JOIN hourly AS h ON l.customer = h.customer AND h.n BETWEEN 1 AND 9
WHERE l.customer IN ('a', 'b') AND l.customer LIKE '%x' AND EXISTS (SELECT 1 FROM orders AS o WHERE o.price > 3)
UNION ALL SELECT customer, price, CAST(rn AS STRING) FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY price DESC) AS rn FROM orders) AS r WHERE rn <= 3;
`;

export function* warmUp(editor: SqlEditorService): Generator<void> {
  const places = [
    "l.total",
    "h.customer",
    "price DESC",
    "LOWER(",
    "hourly AS h",
    "'connector' = 'print'",
  ];
  for (let round = 0; round < ROUNDS; round++) {
    // Another text each time, so that all of it is parsed, and its definitions run, again.
    const text = `SET 'a' = '${round}';\nDROP TABLE IF EXISTS t${round};\n${SAMPLE}`;
    for (const place of places) {
      const at = text.lastIndexOf(place) + 2;
      editor.complete(text, at);
      yield;
      editor.hover(text, at);
      editor.definition(text, at);
      editor.signatureHelp(text, text.lastIndexOf(place) + place.length);
      yield;
    }
    editor.format(text);
    yield;
    editor.format(SAMPLE);
    yield;
  }
}
