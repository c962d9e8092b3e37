import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SeededRandom } from "../../../foundation/host/simulated-random.ts";
import { tokenize } from "../parser/lexer.ts";
import { parseParts } from "../parser/parser.ts";
import { formatScript } from "./format-script.ts";
import { commentsOf } from "./pieces.ts";
import { sameTree } from "./same-tree.ts";

const SHARED = process.env.MILLRACE_SHARED ?? join(import.meta.dirname, "../../../../../shared");

/** Texts of the conformance files: statements as people and Flink's tests write them. */
function conformanceTexts(): string[] {
  return ["parser", "statements", "plans"].flatMap((name) => {
    const path = join(SHARED, "conformance", `${name}.jsonl`);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
    return lines.flatMap((line) => {
      const { sql, statements } = JSON.parse(line) as { sql?: string; statements?: string[] };
      return [...(sql === undefined ? [] : [sql]), ...(statements ?? [])].filter(
        (text) => typeof text === "string",
      );
    });
  });
}

test("formatting changes no tree and formats to itself", () => {
  const texts = conformanceTexts();
  assert.ok(texts.length === 0 || texts.length > 450, `${texts.length} texts`);
  for (const text of texts) {
    const once = formatScript(text).text;
    assert.equal(formatScript(once).text, once, text);
    const before = parseParts(text);
    const after = parseParts(once);
    assert.equal(after.length, before.length, text);
    for (const [i, { statement }] of before.entries())
      assert.ok(sameTree(statement, after[i]!.statement), text);
  }
});

const COMMENTS = [
  "/* a */",
  "/* a\n b */",
  "-- a\n",
  "\n/* own */\n",
  "\n-- own\n",
  "/*x*/ /*y\nz*/",
  `/* ${"long ".repeat(16)}*/`,
];

/** `text` with comments between one token in eight and the next. */
function commented(text: string, random: SeededRandom): string {
  let out = "";
  let at = 0;
  for (const { start, end } of tokenize(text)) {
    out += text.slice(at, start);
    if (random.below(8) === 0) out += ` ${COMMENTS[random.below(COMMENTS.length)]} `;
    out += text.slice(start, end);
    at = end;
  }
  return out;
}

test("formatting with comments anywhere formats to itself and loses none", () => {
  const seed = Number(process.env.MILLRACE_SEED ?? 20011);
  const random = new SeededRandom(seed);
  const texts = [
    ...conformanceTexts().filter(({ length }) => length < 600),
    ...CASES.map(([, from]) => from),
  ];
  for (let i = 0; i < 1500; i++) {
    const text = commented(texts[random.below(texts.length)]!, random);
    const { text: once, errors } = formatScript(text);
    if (errors.length > 0) continue;
    assert.equal(formatScript(once).text, once, `seed ${seed}\n${text}`);
    assert.deepEqual(wordsOfComments(once), wordsOfComments(text), `seed ${seed}\n${text}`);
  }
});

function wordsOfComments(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  for (const { start, end } of tokenize(text)) {
    found.push(...commentsOf(text.slice(at, start)).map((comment) => comment.text));
    at = end;
  }
  return found;
}

test("statements that can be read are laid out, not left", () => {
  const text = "select   1   as a , b  from   t";
  for (const tail of ["", " where a in (select  b from c)", " order  by a", " limit   3"]) {
    const { text: made } = formatScript(text + tail);
    assert.doesNotMatch(made, / {2}|\bfrom\b/, made);
  }
});

const CASES: readonly (readonly [string, string, string])[] = [
  [
    "clauses",
    "select o.id,sum(o.price*-1) as total,count(*) c, case when o.id>1 then 'a' else 'b' end x from orders as o left outer join p on o.id=p.id where o.id in (1,2,3) and (o.price>1 or o.price is null) group by o.id having count(*)>1 order by 1 limit 10",
    `SELECT o.id, sum(o.price * -1) AS total, count(*) c, CASE WHEN o.id > 1 THEN 'a' ELSE 'b' END x
FROM orders AS o
LEFT OUTER JOIN p ON o.id = p.id
WHERE o.id IN (1, 2, 3) AND (o.price > 1 OR o.price IS NULL)
GROUP BY o.id
HAVING count(*) > 1
ORDER BY 1
LIMIT 10
`,
  ],
  [
    "tables",
    "create table t (a decimal(10,2), r row<a int, b array<string>>, watermark for ts as ts - interval '5' second, primary key(a) not enforced) with ('connector'='datagen','rows-per-second'='10');create table u (a int) with ('connector'='print')",
    `CREATE TABLE t (
  a DECIMAL(10, 2),
  r ROW<a INT, b ARRAY<STRING>>,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
  PRIMARY KEY (a) NOT ENFORCED
) WITH (
  'connector' = 'datagen',
  'rows-per-second' = '10'
);
CREATE TABLE u (
  a INT
) WITH ('connector' = 'print')
`,
  ],
  [
    "subqueries and WITH",
    "with a as (select * from orders) select * from (select *, row_number() over (partition by id order by ts desc) as rn from orders) where rn=1 union all select 1",
    `WITH a AS (SELECT * FROM orders)
SELECT *
FROM (
  SELECT *, row_number() OVER (PARTITION BY id ORDER BY ts DESC) AS rn
  FROM orders
)
WHERE rn = 1
UNION ALL
SELECT 1
`,
  ],
  [
    "statement sets",
    "execute statement set begin insert into a select * from b; insert into c select * from d; end",
    `EXECUTE STATEMENT SET BEGIN
  INSERT INTO a SELECT * FROM b;
  INSERT INTO c SELECT * FROM d;
END
`,
  ],
  [
    "a comment behind a clause or an item breaks nothing before it",
    "select a, b -- both\nfrom t where a > 1 and b > 2 -- large\norder by a",
    `SELECT a, b -- both
FROM t
WHERE a > 1 AND b > 2 -- large
ORDER BY a
`,
  ],
  ["a short one on one line", "select a,b\nfrom t", "SELECT a, b FROM t\n"],
  [
    "comments stay where they were",
    "-- head\n\n\n\nselect a -- the key\n, b, /* c */ c\n-- from here\nfrom t; -- done\n/* end */",
    `-- head

SELECT
  a, -- the key
  b,
  /* c */ c
-- from here
FROM t; -- done
/* end */
`,
  ],
  [
    "settings, hints, patterns as they are",
    "SET  a.b = c;select /*+ OPTIONS('a'='b') */ x from t match_recognize (order by ts measures A.b as x pattern (A B+? C{2,3}) define B as true)",
    `SET  a.b = c;
SELECT /*+ OPTIONS('a' = 'b') */ x
FROM t MATCH_RECOGNIZE (
  ORDER BY ts
  MEASURES A.b AS x
  PATTERN (A B+? C{2,3})
  DEFINE B AS TRUE
)
`,
  ],
  [
    "names keep their case, quotes too",
    "select Sum(`From`), T.a from T",
    "SELECT Sum(`From`), T.a FROM T\n",
  ],
  ["what is no statement stays", "selec  a;\nselect  1", "selec  a;\nSELECT 1\n"],
  ["nothing", "  \n", ""],
];

for (const [name, from, to] of CASES)
  test(`formatting: ${name}`, () => {
    const { text } = formatScript(from);
    assert.equal(text, to);
    assert.equal(formatScript(text).text, to, "again");
  });

test("a selection formats the statements it touches, and nothing else", () => {
  const text = "select  1;\n\n\n\nselect  2;select  3";
  const { edits } = formatScript(text, { from: 15, to: 16 });
  assert.deepEqual(edits, [{ from: 14, to: 23, insert: "SELECT 2" }]);
});
