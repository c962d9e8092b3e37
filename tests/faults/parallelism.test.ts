/**
 * The same statements over the same rows at parallelism 1, 2 and 3: the tables that their changes
 * amount to are the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../testkit/conformance/engine.ts";

const ORDERS = 400;

/** Rows of `orders`: (id, customer or NULL, amount, item, time), and a watermark every 50 rows. */
function orderEvents() {
  const events = [];
  for (let i = 0; i < ORDERS; i++) {
    const customer = i % 11 === 0 ? null : `customer ${(i * 7) % 23}`;
    const time = new Date(1_700_000_000_000 + i * 100).toISOString().slice(0, -1).replace("T", " ");
    events.push({ row: [i, customer, `${(i * 37) % 1000}.25`, i % 13, time] });
  }
  return events;
}

const DDL = [
  `CREATE TABLE orders (
     id BIGINT, customer STRING, amount DECIMAL(10, 2), item INT NOT NULL, ts TIMESTAMP(3),
     WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
   ) WITH ('connector' = 'values')`,
  `CREATE TABLE items (item INT, name STRING) WITH ('connector' = 'values')`,
];

const QUERIES: Readonly<Record<string, string>> = {
  "group by a nullable text":
    "SELECT customer, COUNT(*), SUM(amount), COUNT(DISTINCT item) FROM orders GROUP BY customer",
  "global aggregate": "SELECT COUNT(*), MAX(amount) FROM orders",
  "two levels":
    "SELECT n, COUNT(*) FROM (SELECT customer, COUNT(*) AS n FROM orders GROUP BY customer) GROUP BY n",
  "join of NOT NULL with nullable keys":
    "SELECT o.id, i.name FROM orders o JOIN items i ON o.item = i.item",
  "left join": "SELECT o.id, i.name FROM orders o LEFT JOIN items i ON o.item = i.item",
  "top 2 of each customer": `SELECT customer, id, amount FROM (
     SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY amount DESC, id) AS r FROM orders
   ) WHERE r <= 2`,
  "tumbling windows": `SELECT window_start, item, COUNT(*), SUM(amount)
     FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '5' SECOND))
     GROUP BY window_start, window_end, item`,
  "hopping windows": `SELECT window_start, customer, COUNT(*)
     FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND))
     GROUP BY window_start, window_end, customer`,
  "cumulating windows": `SELECT window_start, window_end, customer, COUNT(DISTINCT item)
     FROM TABLE(CUMULATE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '3' SECOND))
     GROUP BY window_start, window_end, customer`,
  "session windows": `SELECT window_start, window_end, customer, COUNT(*)
     FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(ts), INTERVAL '2' SECOND))
     GROUP BY window_start, window_end, customer`,
  "windows of windows": `SELECT window_end, MAX(n) FROM (
     SELECT window_start, window_end, window_time, item, COUNT(*) AS n
     FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '2' SECOND))
     GROUP BY window_start, window_end, window_time, item
   ) GROUP BY window_start, window_end`,
  "interval join": `SELECT l.id, r.id FROM orders l JOIN orders r
     ON l.item = r.item AND r.ts BETWEEN l.ts - INTERVAL '1' SECOND AND l.ts + INTERVAL '1' SECOND`,
  "first of each customer": `SELECT customer, id FROM (
     SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY ts) AS r FROM orders
   ) WHERE r = 1`,
  "windows without keys": `SELECT window_start, COUNT(*)
     FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '5' SECOND))
     GROUP BY window_start, window_end`,
  "window join": `SELECT l.id, r.id FROM
     (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '2' SECOND))) l
     JOIN (SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '2' SECOND))) r
     ON l.item = r.item AND l.window_start = r.window_start AND l.window_end = r.window_end`,
  union: "SELECT id FROM orders UNION ALL SELECT CAST(item AS BIGINT) FROM items",
  distinct: "SELECT DISTINCT item FROM orders",
};

async function tableOf(query: string, parallelism: number): Promise<string[]> {
  const engine = new Engine();
  engine.store.register("orders", orderEvents());
  const items = Array.from({ length: 12 }, (_, i) => ({
    row: [i, i % 5 === 0 ? null : `item ${i}`],
  }));
  engine.store.register("items", items);
  for (const ddl of DDL) engine.execute(ddl);
  const result = engine.execute(query);
  assert.equal(result.kind, "query");
  if (result.kind !== "query") return [];
  await engine.runPlan(result.plan, { parallelism });
  const counts = new Map<string, number>();
  const sink = result.plan.nodes.findLast(({ type }) => type === "Sink");
  assert.ok(sink?.type === "Sink");
  for (const row of engine.rowsOf(sink.table.name)) {
    const text = row.text.slice(2);
    counts.set(text, (counts.get(text) ?? 0) + ((row.kind & 1) === 0 ? 1 : -1));
  }
  for (const [text, count] of counts) assert.ok(count >= 0, `${text}: ${count}`);
  return [...counts].flatMap(([text, count]) => new Array<string>(count).fill(text)).sort();
}

for (const [name, query] of Object.entries(QUERIES)) {
  test(name, async () => {
    const expected = await tableOf(query, 1);
    assert.ok(expected.length > 0);
    for (const parallelism of [2, 3])
      assert.deepEqual(await tableOf(query, parallelism), expected, `parallelism ${parallelism}`);
  });
}
