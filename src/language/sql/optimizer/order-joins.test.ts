import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../testkit/conformance/engine.ts";
import type { ExecNodeOf } from "../../../foundation/plan/exec-node.ts";

// ------------------------------------------------------------------------------------------- random graphs

type Cell = number | null;
type Row = readonly Cell[];
/** `left` and `right` are [table, column]; `value` a constant instead of the right side. */
interface Comparison {
  readonly left: readonly [number, number];
  readonly operator: "=" | "<";
  readonly right: readonly [number, number] | number;
}
/** An OR of ANDs. */
type Condition = readonly (readonly Comparison[])[];

const COLUMNS = ["a", "b", "c"] as const;
const GRAPHS = 40;

/** A linear congruential generator: numbers below n. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Graph {
  readonly tables: readonly (readonly Row[])[];
  readonly conditions: readonly Condition[];
}

function randomGraph(random: (n: number) => number): Graph {
  const count = 2 + random(4);
  const cell = (): Cell => (random(8) === 0 ? null : random(5));
  const tables = Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(6) }, () => COLUMNS.map(cell)),
  );
  const column = () => random(COLUMNS.length);
  const equality = (i: number, k: number): Comparison => ({
    left: [i, column()],
    operator: "=",
    right: [k, column()],
  });
  const conditions: Condition[] = [];
  // Mostly connected, by edges to an earlier table, in an order that makes cross products when joined as written.
  for (let i = 1; i < count; i++) if (random(6) > 0) conditions.push([[equality(i, random(i))]]);
  for (let n = random(3); n > 0; n--)
    conditions.push([[{ left: [random(count), column()], operator: "<", right: random(5) }]]);
  if (random(2) === 0) {
    const common = equality(0, count - 1);
    const branch = (): Comparison[] => [
      common,
      { left: [random(count), column()], operator: "=", right: random(5) },
    ];
    conditions.push([branch(), branch()]);
  }
  return { tables, conditions };
}

const sqlOf = (comparison: Comparison): string => {
  const name = ([table, column]: readonly [number, number]) => `t${table}.${COLUMNS[column]}`;
  const { left, operator, right } = comparison;
  return `${name(left)} ${operator} ${typeof right === "number" ? right : name(right)}`;
};

function queryOf({ tables, conditions }: Graph, order: readonly number[]): string {
  const select = tables.map((_, i) => COLUMNS.map((c) => `t${i}.${c}`).join(", ")).join(", ");
  const from = order.map((i) => `v${i} AS t${i}`).join(", ");
  const where = conditions.map((branches) => {
    const texts = branches.map((parts) => `(${parts.map(sqlOf).join(" AND ")})`);
    return `(${texts.join(" OR ")})`;
  });
  return `SELECT ${select} FROM ${from}${where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`}`;
}

function holds({ left, operator, right }: Comparison, rows: readonly Row[]): boolean {
  const a = rows[left[0]]![left[1]]!;
  const b = typeof right === "number" ? right : rows[right[0]]![right[1]]!;
  if (a === null || b === null) return false;
  return operator === "=" ? a === b : a < b;
}

/** Every combination of rows, tested one by one. */
function expectedRows({ tables, conditions }: Graph): string[] {
  let combinations: (readonly Row[])[] = [[]];
  for (const rows of tables)
    combinations = combinations.flatMap((before) => rows.map((row) => [...before, row]));
  const kept = combinations.filter((rows) =>
    conditions.every((branches) => branches.some((parts) => parts.every((c) => holds(c, rows)))),
  );
  return kept.map((rows) => `+I[${rows.flat().map(String).join(", ")}]`).sort();
}

const textOf = (cells: Row) => `(${cells.map((cell) => cell ?? "CAST(NULL AS INT)").join(", ")})`;

function engineOf(tables: Graph["tables"], reorder: boolean, batch = true): Engine {
  const config = { "table.optimizer.join-reorder-enabled": String(reorder) };
  const engine = new Engine({ batch, config });
  tables.forEach((rows, i) => {
    const values = rows.map(textOf).join(", ");
    engine.execute(`CREATE VIEW v${i} AS SELECT * FROM (VALUES ${values}) AS v(a, b, c)`);
  });
  return engine;
}

test("random join graphs: the same rows in every order, with and without reordering", async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
  const random = randomOf(seed);
  const again = `SEED=${seed} node --test ${import.meta.filename}`;
  for (let i = 0; i < GRAPHS; i++) {
    const graph = randomGraph(random);
    const expected = expectedRows(graph);
    const order = graph.tables.map((_, k) => k).sort(() => random(3) - 1);
    const sql = queryOf(graph, order);
    for (const [reorder, batch] of [
      [false, true],
      [true, true],
      [true, false],
    ] as const) {
      const { rows } = await engineOf(graph.tables, reorder, batch).query(sql);
      const found = rows.map(({ text }) => text).sort();
      const how = `reorder ${reorder}, batch ${batch}, graph ${i}`;
      assert.deepEqual(found, expected, `${again}\n${sql}\n${how}`);
    }
  }
});

test("random outer, semi and anti joins: reordering leaves the rows as they are", async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
  const random = randomOf(seed);
  const again = `SEED=${seed} node --test ${import.meta.filename}`;
  const column = (table: string) => `${table}.${COLUMNS[random(COLUMNS.length)]}`;
  const equal = (a: string, b: string) => `${column(a)} = ${column(b)}`;
  const pick = (...names: readonly string[]) => names[random(names.length)]!;
  let found = 0;
  for (let i = 0; i < GRAPHS; i++) {
    // Few values, so that most rows find partners.
    const cell = (): Cell => (random(12) === 0 ? null : random(2));
    const row = () => COLUMNS.map(cell);
    const all = Array.from({ length: 6 }, () => Array.from({ length: 2 + random(4) }, row));
    const kind = pick("LEFT", "LEFT", "RIGHT", "FULL");
    const conditions = [
      equal("t0", "t2"),
      equal(pick("t0", "t2"), "t3"),
      pick("TRUE", `${column("t1")} IS NULL`, `${column(pick("t1", "t3"))} < 3`),
      `${pick("", "NOT ")}EXISTS (SELECT * FROM v4 AS t4 WHERE ${equal("t4", pick("t0", "t2"))})`,
      `${column(pick("t0", "t3"))} ${pick("", "NOT ")}IN (SELECT ${column("t5")} FROM v5 AS t5)`,
    ];
    const from = `v0 AS t0 ${kind} JOIN v1 AS t1 ON ${equal("t0", "t1")}`;
    const select = ["t0", "t1", "t2", "t3"].map((t) => `${t}.a, ${t}.b`).join(", ");
    const sql = `SELECT ${select} FROM ${pick(`${from}, v2 AS t2`, `v2 AS t2, ${from}`)}, v3 AS t3
      WHERE ${conditions.filter((_, k) => k < 2 || random(2) === 0).join(" AND ")}`;
    const [written, ordered] = await Promise.all(
      [false, true].map(async (reorder) => {
        const { rows } = await engineOf(all, reorder).query(sql);
        return rows.map(({ text }) => text).sort();
      }),
    );
    assert.deepEqual(ordered, written, `${again}\n${sql}`);
    found += written!.length;
  }
  assert.ok(found > 0, `${again}: no query has a row`);
});

// ------------------------------------------------------------------------------------------- plans

const TABLES = [
  "CREATE TABLE big (k INT, d INT, e INT) WITH ('connector'='datagen', 'number-of-rows'='1000000')",
  "CREATE TABLE mid (k INT, x INT) WITH ('connector'='datagen', 'number-of-rows'='10000')",
  "CREATE TABLE small (d INT, x INT, s STRING) WITH ('connector'='datagen', 'number-of-rows'='10')",
];

function plan(sql: string, config: Readonly<Record<string, string>> = {}) {
  const engine = new Engine({ batch: config.mode !== "streaming", config });
  for (const statement of TABLES) engine.execute(statement);
  const result = engine.execute(sql);
  assert.ok(result.kind === "query");
  return result.plan;
}

/** The joins from the sources on: `left ⋈ right`, tables by name. */
function joins(sql: string, config: Readonly<Record<string, string>> = {}): string[] {
  const { nodes } = plan(sql, config);
  const names = new Map<number, string>();
  for (const { id, inputs, ...node } of nodes)
    names.set(
      id,
      "table" in node && node.type === "TableSourceScan"
        ? node.table.name.split(".").at(-1)!
        : inputs.map((input) => names.get(input.node)!).join(" ⋈ "),
    );
  const found = nodes.filter((node) => node.type === "Join") as ExecNodeOf<"Join">[];
  return found.map(({ inputs, leftKeys }) => {
    const [left, right] = inputs.map((input) => names.get(input.node)!);
    return `(${left}) ${leftKeys.length === 0 ? "×" : "⋈"} (${right})`;
  });
}

const ON = { "table.optimizer.join-reorder-enabled": "true" };

test("no cross product where an equality connects; the written order otherwise", () => {
  const comma =
    "SELECT big.e FROM small, mid, big WHERE big.d = small.d AND big.k = mid.k AND mid.x > 3";
  assert.deepEqual(joins(comma), ["(small) ⋈ (big)", "(small ⋈ big) ⋈ (mid)"]);
  const written = "SELECT big.e FROM big, mid, small WHERE big.d = small.d AND big.k = mid.k";
  assert.deepEqual(joins(written), ["(big) ⋈ (mid)", "(big ⋈ mid) ⋈ (small)"]);
  assert.deepEqual(joins("SELECT big.e FROM big, small"), ["(big) × (small)"]);
});

test("streams keep the written order, whatever it is, unless reordering is on", () => {
  const comma = "SELECT big.e FROM small, mid, big WHERE big.d = small.d AND big.k = mid.k";
  const streaming = { mode: "streaming" };
  assert.deepEqual(joins(comma, streaming), ["(small) × (mid)", "(small ⋈ mid) ⋈ (big)"]);
  const ordered = joins(comma, { ...ON, ...streaming });
  assert.equal(ordered.length, 2);
  assert.ok(!ordered.some((text) => text.includes("×")), ordered.join());
});

test("by cost: the selective join first, the larger side on the left", () => {
  const sql = `SELECT big.e FROM mid, big, small
    WHERE big.d = small.d AND big.k = mid.k AND small.s = 'x'`;
  assert.deepEqual(joins(sql), ["(mid) ⋈ (big)", "(mid ⋈ big) ⋈ (small)"]);
  assert.deepEqual(joins(sql, ON), ["(big) ⋈ (small)", "(big ⋈ small) ⋈ (mid)"]);
  const greedy = { ...ON, "table.optimizer.bushy-join-reorder-threshold": "1" };
  assert.deepEqual(joins(sql, greedy), ["(big) ⋈ (small)", "(big ⋈ small) ⋈ (mid)"]);
});

test("what equalities imply: keys of joins, and conditions of the other input", () => {
  const implied =
    "SELECT big.e FROM mid, small, big WHERE mid.x = small.x AND small.x = 7 AND big.k = mid.k";
  const scans = plan(implied).nodes.filter((node) => node.type === "TableSourceScan");
  const filtered = scans.filter(({ filter }) => filter !== undefined);
  assert.deepEqual(filtered.map(({ table }) => table.name.split(".").at(-1)).sort(), [
    "mid",
    "small",
  ]);
});

test("keys and conditions out of OR", () => {
  const sql = `SELECT big.e FROM big, small
    WHERE (big.d = small.d AND big.e = 1 AND small.s = 'x') OR (big.d = small.d AND big.e = 2)`;
  assert.deepEqual(joins(sql), ["(big) ⋈ (small)"]);
  const scan = plan(sql).nodes.find(
    (n) => n.type === "TableSourceScan" && n.table.name.endsWith("big"),
  );
  assert.match(JSON.stringify(scan), /"filter":\{.*"OR"/);
});

test("a semi join goes down to the input that it reads, when that has fewer rows", () => {
  const sql = `SELECT mid.x FROM mid, big WHERE big.k = mid.x
    AND EXISTS (SELECT * FROM small WHERE small.d = mid.k)`;
  assert.deepEqual(joins(sql), ["(mid) ⋈ (big)", "(mid ⋈ big) ⋈ (small)"]);
  assert.deepEqual(joins(sql, ON), ["(mid) ⋈ (small)", "(big) ⋈ (mid ⋈ small)"]);
});

test("an inner join that reduces goes below an outer one", () => {
  const sql = `SELECT big.e, mid.x FROM big LEFT JOIN mid ON big.k = mid.k, small
    WHERE big.d = small.d AND small.s = 'x'`;
  assert.deepEqual(joins(sql), ["(big) ⋈ (mid)", "(big ⋈ mid) ⋈ (small)"]);
  assert.deepEqual(joins(sql, ON), ["(big) ⋈ (small)", "(big ⋈ small) ⋈ (mid)"]);
});

test("what WITH names runs once, however often it is read", () => {
  const sql = `WITH c AS (SELECT big.d, COUNT(*) AS n FROM big, small WHERE big.d = small.d GROUP BY big.d)
    SELECT * FROM c AS a JOIN c AS b ON a.n = b.n`;
  for (const config of [{}, ON]) assert.equal(joins(sql, config).length, 2);
});

test("plans tell joins what their inputs are expected to be", () => {
  const [join] = plan("SELECT big.e FROM big, small WHERE big.d = small.d").nodes.filter(
    (node) => node.type === "Join",
  );
  assert.deepEqual(join?.estimates, {
    left: { rows: 1_000_000, rowBytes: 8 },
    right: { rows: 10, rowBytes: 4 },
  });
});

// ------------------------------------------------------------------------------------------- NOT IN

test("NOT IN with NULLs joins by key and keeps its three values", async () => {
  const values = (rows: readonly Cell[]) =>
    rows.length === 0
      ? "(SELECT a FROM (VALUES (1)) AS v(a) WHERE a > 1)"
      : `(VALUES ${rows.map((cell) => `(${cell ?? "CAST(NULL AS INT)"})`).join(", ")})`;
  const left: readonly Cell[] = [1, 2, null, 2];
  for (const [right, expected] of [
    [[2, 3], ["+I[1]"]],
    [[2, null], []],
    [[null], []],
    [[], ["+I[1]", "+I[2]", "+I[2]", "+I[null]"]],
  ] as const) {
    const engine = new Engine({ batch: true });
    const sql = `SELECT x FROM ${values(left)} AS l(x) WHERE x NOT IN (SELECT y FROM ${values(right)} AS r(y))`;
    const result = engine.execute(sql);
    assert.ok(result.kind === "query");
    const anti = result.plan.nodes.find((node) => node.type === "Join" && node.joinType === "ANTI");
    assert.ok(anti?.type === "Join" && anti.leftKeys.length === 1, "an anti join by key");
    const { rows } = await engine.run(result);
    assert.deepEqual(rows.map(({ text }) => text).sort(), expected);
  }
});
