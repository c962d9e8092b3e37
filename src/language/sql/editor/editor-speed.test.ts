/** Answers while one types, on a script of 300 lines: `bench sql` measures them, this proves that they stay interactive anywhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlSession } from "../script/sql-session.ts";
import { SqlEditorService } from "./editor-service.ts";

const LINES = 300;
/** What is promised is 10 ms; a busy machine of another is given this much. */
const LIMIT_MS = 150;

const BLOCK = (i: number) => `CREATE TABLE source_${i} (
  id BIGINT, customer STRING, price DECIMAL(10, 2), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'datagen', 'rows-per-second' = '100');
CREATE VIEW daily_${i} AS
SELECT customer, window_start, SUM(price) AS total
FROM TABLE(TUMBLE(TABLE source_${i}, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY customer, window_start, window_end;
CREATE TABLE sink_${i} (customer STRING, total DECIMAL(38, 2)) WITH ('connector' = 'print');
INSERT INTO sink_${i}
WITH large AS (SELECT customer, total FROM daily_${i} WHERE total > 100)
SELECT l.customer, l.total FROM large AS l JOIN daily_${i} AS d ON l.customer = d.customer;`;

test("an answer about a script of 300 lines takes milliseconds", (context) => {
  const blocks = Math.ceil(LINES / BLOCK(0).split("\n").length);
  const text = Array.from({ length: blocks }, (_, i) =>
    BLOCK(i).replace("large", "big").replace("FROM large", "FROM big"),
  ).join("\n");
  const editor = new SqlEditorService({ newSession: () => new SqlSession() });
  const at = text.lastIndexOf("l.total") + 2;
  const took = (action: (script: string) => unknown) => {
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      // Another text each time, as after a key.
      const script = `${text}${" ".repeat(i)}`;
      const startedMs = performance.now();
      assert.ok(action(script) !== undefined);
      times.push(performance.now() - startedMs);
    }
    return times.sort((a, b) => a - b)[7]!;
  };
  const figures = {
    complete: took((script) =>
      editor.complete(script, at).items.find(({ label }) => label === "total"),
    ),
    hover: took((script) => editor.hover(script, at)),
    definition: took((script) => editor.definition(script, at)),
    signatureHelp: took((script) => editor.signatureHelp(script, script.lastIndexOf("SUM(") + 4)),
    format: took((script) => editor.format(script).edits),
  };
  for (const [name, ms] of Object.entries(figures)) {
    context.diagnostic(`${name} ${ms.toFixed(1)} ms`);
    assert.ok(ms < LIMIT_MS, `${name} took ${ms} ms`);
  }
});
