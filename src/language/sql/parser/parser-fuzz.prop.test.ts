/**
 * Random texts against the parser: mutated statements (by characters and by tokens) and texts made
 * from a grammar.
 *
 * Holds for every text: parseScript does not throw; its errors are MR20xx with a place inside the
 * text; what was parsed is written, read and written again to the same text and the same tree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatementNode } from "./ast.ts";
import { parseScript, parseStatement, tokenize } from "./parser.ts";
import { unparse } from "./unparse.ts";

const MUTATIONS = 2500;
const GENERATED = 800;

const seed = Number(process.env.MILLRACE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const again = `MILLRACE_SEED=${seed} node --test src/language/sql/parser/parser-fuzz.prop.test.ts`;

type Random = (below: number) => number;

function random(from: number): Random {
  let state = from;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const SEEDS = [
  "SELECT a, COUNT(DISTINCT b) FILTER (WHERE c > 1) AS n FROM t WHERE d LIKE 'x%' ESCAPE '!' GROUP BY a HAVING n > 2",
  "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS w LEFT JOIN u FOR SYSTEM_TIME AS OF w.p ON TRUE",
  "CREATE TABLE t (a INT NOT NULL PRIMARY KEY NOT ENFORCED, b AS a + 1, c ROW<x ARRAY<INT>, y MAP<STRING, INT>> METADATA FROM 'k' VIRTUAL, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) PARTITIONED BY (a) WITH ('k' = 'v') LIKE u (INCLUDING ALL)",
  "INSERT INTO t PARTITION (p = 'a') (a, b) VALUES (1, U&'\\00e9'), (X'0f', e'a\\n') ON CONFLICT DO NOTHING",
  "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT * FROM b; INSERT INTO c VALUES (1); END;",
  "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.x AS y PATTERN (A B{2,3}? C*) DEFINE A AS x > PREV(A.x)) AS m",
  "WITH x AS (SELECT 1 UNION ALL (SELECT 2 INTERSECT SELECT 3)) SELECT JSON_VALUE(a, '$.b' RETURNING INT DEFAULT 1 ON EMPTY) FROM x ORDER BY 1 DESC NULLS LAST LIMIT 3",
  "ALTER TABLE t ADD (a INT COMMENT 'x' FIRST, PRIMARY KEY (a) NOT ENFORCED); SHOW TABLES FROM db NOT LIKE '%x'; /* c */ -- d\nDESC t",
  "SELECT CASE a WHEN 1 THEN b ELSE -c END, CAST(x AS DECIMAL(10, 2)), a[1].b, ROW(1, 2), (SELECT 1), a NOT IN (1, 2) /*+ h('a'='b') */ FROM `t t`",
];
const PIECES =
  "( ) , ; . ' ` \" /* */ /*+ -- [ ] < > = <> != + - * / % || 1 1.5 1e3 a SELECT FROM WHERE AND OR NOT NULL IN CASE END AS ON BY ROW INTERVAL DATE 'x' \\ \n \t é 😀 \u0000".split(
    " ",
  );

function pick<T>(next: Random, items: readonly T[]): T {
  return items[next(items.length)]!;
}

function mutate(next: Random, text: string): string {
  let result = text;
  for (let edits = 1 + next(4); edits > 0; edits--) {
    const at = next(result.length + 1);
    const length = next(8);
    switch (next(5)) {
      case 0:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 1:
        result = `${result.slice(0, at)} ${pick(next, PIECES)} ${result.slice(at)}`;
        break;
      case 2:
        result = result.slice(0, at) + String.fromCharCode(next(0x250)) + result.slice(at + 1);
        break;
      case 3: {
        const other = pick(next, SEEDS);
        const from = next(other.length);
        result = result.slice(0, at) + other.slice(from, from + next(40)) + result.slice(at);
        break;
      }
      default:
        result = swapTokens(next, result);
    }
  }
  return result;
}

function swapTokens(next: Random, text: string): string {
  const tokens = tokenize(text);
  const a = pick(next, tokens);
  const b = pick(next, tokens);
  const [first, second] = a.start <= b.start ? [a, b] : [b, a];
  if (first.end > second.start) return text;
  const middle = text.slice(first.end, second.start);
  const swapped =
    text.slice(second.start, second.end) + middle + text.slice(first.start, first.end);
  return text.slice(0, first.start) + swapped + text.slice(second.end);
}

/**
 * A tree without what unparse() may change: places, quotes, the form of CASE x WHEN, implied parts.
 */
type Plain = Record<string, unknown>;

const FORM_KEYS = new Set(["span", "quoted", "explicit", "unicode"]);

/**
 * A tree without what unparse() may change: places, quotes, the form of CASE x WHEN, implied parts.
 */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (value === null || typeof value !== "object") return value;
  const node: Plain = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!FORM_KEYS.has(key) && inner !== undefined) node[key] = meaning(inner);
  }
  switch (node.kind) {
    case "logical":
      return flattened(node);
    case "case":
      return searched(node);
    case "trim":
      return { characters: { kind: "string", value: " " }, ...node };
    case "tableArgument": {
      const plain = isEmpty(node.partitionBy) && isEmpty(node.orderBy);
      return plain ? { kind: "subquery", query: node.query } : node;
    }
    case "call":
      return { ...node, name: JSON.stringify(node.name).toUpperCase() };
    case "approximateNumber":
      return { ...node, text: String(node.text).toUpperCase() };
    default:
      return node;
  }
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** (a AND b) AND c is a AND b AND c. */
function flattened(node: Plain): Plain {
  const [first, ...rest] = node.operands as Plain[];
  if (first?.kind !== "logical" || first.operator !== node.operator) return node;
  return { ...node, operands: [...(first.operands as Plain[]), ...rest] };
}

/** CASE x WHEN 1 is CASE WHEN x = 1; a missing ELSE is NULL. */
function searched({ operand, ...node }: Plain): Plain {
  const branches = (node.branches as Plain[]).map(({ when, then }) => {
    const list = when as unknown[];
    if (operand === undefined) return { when: list, then };
    const test =
      list.length === 1
        ? { kind: "binary", operator: "=", left: operand, right: list[0] }
        : { kind: "in", operand, negated: false, list };
    return { when: [test], then };
  });
  return { otherwise: { kind: "null" }, ...node, branches };
}

function checkText(text: string): number {
  const { statements, errors } = parseScript(text);
  for (const error of errors) {
    assert.match(error.code, /^MR20\d\d$/, `${error.message}\n${text}\n${again}`);
    const at = error.place.at;
    assert(at !== undefined && at.start >= 0 && at.end <= text.length, `${text}\n${again}`);
  }
  for (const statement of statements) {
    const canonical = unparse(statement);
    let second: StatementNode;
    try {
      second = parseStatement(canonical);
    } catch (error) {
      assert.fail(`${String(error)}\n${canonical}\nof ${text}\n${again}`);
    }
    assert.equal(unparse(second), canonical, `${text}\n${again}`);
    assert.deepEqual(meaning(second), meaning(statement), `${text}\n${again}`);
  }
  return statements.length;
}

test("mutated statements", (context) => {
  context.diagnostic(again);
  const next = random(seed);
  let parsed = 0;
  for (let i = 0; i < MUTATIONS; i++) parsed += checkText(mutate(next, pick(next, SEEDS)));
  assert(
    parsed > MUTATIONS / 20,
    `only ${parsed} statements were parsed: the mutations are too wild`,
  );
});

class Grammar {
  readonly next: Random;
  constructor(next: Random) {
    this.next = next;
  }

  private one(...choices: (() => string)[]): string {
    return pick(this.next, choices)();
  }

  private list(item: () => string, most = 3): string {
    return Array.from({ length: 1 + this.next(most) }, item).join(", ");
  }

  private maybe(text: () => string): string {
    return this.next(3) === 0 ? ` ${text()} ` : " ";
  }

  private name(): string {
    return pick(this.next, ["a", "b", "c1", "`select`", "t.a", "t.`x y`.z"]);
  }

  private type(depth: number): string {
    if (depth <= 0) return pick(this.next, ["INT", "STRING", "DECIMAL(5, 2)", "TIMESTAMP_LTZ(3)"]);
    const inner = () => this.type(depth - 1);
    return this.one(
      inner,
      () => `ARRAY<${inner()}>`,
      () => `MAP<${inner()}, ${inner()} NOT NULL>`,
      () => `ROW<x ${inner()}, y ${inner()}>`,
      () => `${inner()} MULTISET`,
    );
  }

  expression(depth: number): string {
    if (depth <= 0) {
      return pick(this.next, [
        "1",
        "1.5e2",
        "'it''s'",
        "NULL",
        "TRUE",
        this.name(),
        "DATE '2020-01-01'",
      ]);
    }
    const e = () => this.expression(depth - 1);
    const operators = ["+", "-", "*", "/", "%", "||", "=", "<>", "<", ">=", "AND", "OR"];
    return this.one(
      e,
      () => `${e()} ${pick(this.next, operators)} ${e()}`,
      () => `${e()} ${pick(this.next, operators)} ${e()} ${pick(this.next, operators)} ${e()}`,
      () => `(${e()})`,
      () => `NOT ${e()}`,
      () => `- ${e()}`,
      () => `${e()} IS NOT NULL`,
      () => `${e()} NOT BETWEEN ${this.name()} AND ${this.name()}`,
      () => `${e()} LIKE ${this.name()} ESCAPE '!'`,
      () => `${e()} IN (${this.list(e)})`,
      () => `${e()} NOT IN (${this.query(depth - 1)})`,
      () => `EXISTS (${this.query(depth - 1)})`,
      () => `(${this.query(depth - 1)})`,
      () => `CASE ${this.maybe(e)} WHEN ${e()} THEN ${e()} ${this.maybe(() => `ELSE ${e()}`)} END`,
      () => `CAST(${e()} AS ${this.type(2)})`,
      () => `${this.name()}[${e()}]`,
      () => `f(${this.list(e)})`,
      () => `SUM(DISTINCT ${e()}) OVER (PARTITION BY ${e()} ORDER BY ${e()} DESC)`,
      () => `ARRAY[${this.list(e)}]`,
      () => `ROW(${this.list(e)})`,
      () => `(${e()}, ${e()})`,
      () => `JSON_OBJECT(KEY ${e()} VALUE ${e()} ABSENT ON NULL)`,
      () => `JSON_VALUE(${e()}, '$.a' RETURNING ${this.type(1)} NULL ON ERROR)`,
      () => `TRIM(LEADING ${e()} FROM ${e()})`,
      () => `SUBSTRING(${e()} FROM ${e()})`,
      () => `INTERVAL '1' DAY TO SECOND(3)`,
    );
  }

  private relation(depth: number): string {
    if (depth <= 0) return pick(this.next, ["t", "db.t AS x", "`t u`", "'file.csv' f"]);
    const r = () => this.relation(depth - 1);
    const e = () => this.expression(depth - 1);
    return this.one(
      r,
      () => `(${this.query(depth - 1)}) AS s (a, b)`,
      () => `${r()} JOIN ${this.relation(0)} ON ${e()}`,
      () => `${r()} LEFT JOIN (${r()} CROSS JOIN ${this.relation(0)}) USING (a)`,
      () => `${r()}, ${r()}`,
      () => `(${r()}, ${r()})`,
      () => `${r()} CROSS JOIN UNNEST(${e()}) WITH ORDINALITY AS u (v)`,
      () => `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))`,
      () => `f(${e()}, x => TABLE t PARTITION BY a ORDER BY b DESC)`,
    );
  }

  query(depth: number): string {
    const e = () => this.expression(depth - 1);
    if (depth <= 0) return "SELECT 1";
    return this.one(
      () => `VALUES (${this.list(e)}), (${this.list(e)})`,
      () => `(${this.query(depth - 1)}) UNION ALL ${this.select(depth - 1)} UNION VALUES (1)`,
      () => `(${this.query(depth - 1)}) EXCEPT (${this.query(depth - 1)}) INTERSECT SELECT 2`,
      () => `WITH w AS (${this.query(depth - 1)}) SELECT * FROM w`,
      () => this.select(depth),
      () => this.select(depth),
      () => `${this.select(depth)} ORDER BY ${this.list(e)} LIMIT 3 OFFSET 2`,
    );
  }

  private select(depth: number): string {
    const e = () => this.expression(depth - 1);
    const where = this.maybe(() => `WHERE ${e()}`);
    const group = this.maybe(() => `GROUP BY GROUPING SETS ((a, b), ROLLUP(${e()}), ())`);
    const having = this.maybe(() => `HAVING ${e()}`);
    return `SELECT ${this.list(e)} AS x FROM ${this.relation(depth - 1)}${where}${group}${having}`;
  }
}

test("texts of a grammar", (context) => {
  context.diagnostic(again);
  const next = random(seed ^ 0x5bd1e995);
  const grammar = new Grammar(next);
  for (let i = 0; i < GENERATED; i++) {
    const depth = 1 + next(4);
    const text = i % 2 === 0 ? `SELECT ${grammar.expression(depth)}` : grammar.query(depth);
    const messages = parseScript(text).errors.map((e) => e.message);
    assert.deepEqual(messages, [], `${text}\n${again}`);
    checkText(text);
  }
});
