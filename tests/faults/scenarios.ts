/**
 * Jobs for the fault campaign: orders from files → one kind of operator → files, each with its own state.
 *
 * Input:   ROWS orders, `id` rising with event time; windows read one file (time must come in order), the others sixty, for many checkpoints.
 * Result:  the lines that the sink has made visible, folded: insert-only results as a multiset, changelogs (debezium-json)
 *          to the rows that are left, with no row taken back that was not there.
 */
import type { Env } from "../../src/foundation/host/env.ts";

export const ROWS = 1500;

export interface Scenario {
  readonly name: string;
  readonly insert: string;
  readonly files: number;
  /** Default ROWS. */
  readonly rows?: number;
  /** Of the longest note; default 90. Long ones fill pages of state, which checkpoints then share. */
  readonly noteLength?: number;
  readonly changelog: boolean;
  /**
   * How much memory a worker's state may take, as taskmanager.memory.managed.size; "none": no page stays beyond a batch,
   * and what is restored is read when it is touched, never ahead.
   */
  readonly memory?: string;
  /** Segments are copied to local disk, and restored from there. */
  readonly localCopies?: boolean;
  /**
   * So many checkpoints at once, a few milliseconds apart; in each life a worker hears of one late, and of those behind it
   * with it: barriers wait for barriers.
   */
  readonly concurrentCheckpoints?: number;
}

const orders = (name: string, more = "") =>
  `CREATE TABLE ${name} (id BIGINT, item INT NOT NULL, amount BIGINT, note STRING, ts TIMESTAMP(3),
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
  ) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json'${more})`;

const sink = (name: string, columns: string, format: string) =>
  `CREATE TABLE ${name} (${columns}) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = '${format}')`;

export const DDL = [
  orders("orders"),
  // Half a second of the simulated clock for 1,500 rows: several checkpoints.
  orders("paced", ", 'replay.time-column' = 'ts', 'replay.speed' = '150'"),
  sink("totals", "item INT, starts TIMESTAMP(3), n BIGINT, total BIGINT", "json"),
  sink("pairs", "a BIGINT, b BIGINT", "json"),
  sink("long_pairs", "a BIGINT, b BIGINT, n BIGINT", "json"),
  sink("counts", "id BIGINT, item INT, n BIGINT, longest STRING", "debezium-json"),
  sink("latest", "item INT, n BIGINT, note STRING", "debezium-json"),
  sink("best", "item INT, id BIGINT, amount BIGINT, place BIGINT", "debezium-json"),
  sink("sums", "id BIGINT, item INT, total BIGINT", "json"),
  sink("orders_seen", "id BIGINT, amount BIGINT", "json"),
  `CREATE TABLE by_amount (id BIGINT, amount BIGINT, item INT) PARTITIONED BY (amount)
    WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json',
      'sink.partition-commit.policy.kind' = 'success-file')`,
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "window-aggregate",
    files: 1,
    changelog: false,
    insert: `INSERT INTO totals SELECT item, window_start, COUNT(*), SUM(amount)
      FROM TABLE(TUMBLE(TABLE paced, DESCRIPTOR(ts), INTERVAL '3' SECOND))
      GROUP BY item, window_start, window_end`,
  },
  {
    name: "join",
    noteLength: 900,
    files: 60,
    changelog: false,
    insert: `INSERT INTO pairs SELECT l.id, r.id FROM orders l JOIN orders r
      ON l.item = r.item AND l.amount = r.amount AND CHAR_LENGTH(l.note || r.note) > 0`,
  },
  {
    name: "group-aggregate",
    files: 60,
    changelog: true,
    insert:
      "INSERT INTO latest SELECT item, COUNT(DISTINCT amount), MAX(note) FROM orders GROUP BY item",
  },
  {
    name: "rank",
    files: 60,
    changelog: true,
    insert: `INSERT INTO best SELECT item, id, amount, place FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY item ORDER BY amount DESC, id) AS place FROM orders)
      WHERE place <= 3`,
  },
  {
    name: "over-aggregate",
    files: 1,
    changelog: false,
    insert: `INSERT INTO sums SELECT id, item, SUM(amount) OVER (
      PARTITION BY item ORDER BY ts ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) FROM paced`,
  },
  {
    name: "long-file",
    files: 1,
    rows: 3000,
    changelog: false,
    insert: "INSERT INTO orders_seen SELECT id, amount FROM paced WHERE amount < 6",
  },
  {
    name: "partitioned-files",
    files: 60,
    changelog: false,
    insert: "INSERT INTO by_amount SELECT id, amount, item FROM orders",
  },
  {
    name: "spilled-aggregate",
    files: 60,
    changelog: true,
    memory: "none",
    localCopies: true,
    insert: `INSERT INTO counts SELECT id - MOD(id, 4), MAX(item), COUNT(*), MAX(note)
      FROM orders GROUP BY id - MOD(id, 4)`,
  },
  {
    name: "spilled-join",
    noteLength: 900,
    files: 60,
    changelog: false,
    memory: "none",
    insert: `INSERT INTO pairs SELECT l.id, r.id FROM orders l JOIN orders r
      ON l.item = r.item AND l.amount = r.amount AND CHAR_LENGTH(l.note || r.note) > 0`,
  },
  {
    name: "outgrown-memory",
    noteLength: 9000,
    files: 60,
    changelog: false,
    memory: "4 mb",
    localCopies: true,
    insert: `INSERT INTO long_pairs SELECT l.id, r.id, CHAR_LENGTH(l.note || r.note)
      FROM orders l JOIN orders r ON l.item = r.item AND l.amount = r.amount`,
  },
  {
    name: "overlapping-checkpoints",
    files: 60,
    changelog: true,
    concurrentCheckpoints: 4,
    insert: "INSERT INTO latest SELECT 1, COUNT(*), MAX(note) FROM orders",
  },
];

export async function writeOrders(
  { files }: Env,
  { files: count, rows = ROWS, noteLength = 90 }: Scenario,
): Promise<void> {
  await files.mkdirs("/in");
  await files.mkdirs("/out");
  for (let file = 0; file < count; file++) {
    const lines = Array.from({ length: rows / count }, (_, i) => {
      const id = file + i * count;
      const ts = new Date(1_700_000_000_000 + id * 50).toISOString().slice(0, -1).replace("T", " ");
      const note = `${"n".repeat((id * 13) % noteLength)}${String(id).padStart(5, "0")}`;
      return JSON.stringify({ id, item: id % 61, amount: (id * 37) % 11, note, ts });
    });
    await files.writeAtomic(`/in/${file}.json`, new TextEncoder().encode(`${lines.join("\n")}\n`));
  }
}

/** What readers of the folder see now; rows of a partition with its folder's name in front. */
export async function visibleLines(env: Env, partition = ""): Promise<string[]> {
  const { files } = env;
  const lines: string[] = [];
  const folder = partition === "" ? "/out" : `/out/${partition}`;
  for (const name of await files.list(folder)) {
    if (name.startsWith(".")) continue;
    if (name.includes("=")) lines.push(...(await visibleLines(env, name)));
    else {
      const text = new TextDecoder().decode(await files.readAll(`${folder}/${name}`));
      const rows = text.split("\n").filter((line) => line !== "");
      lines.push(...rows.map((row) => (partition === "" ? row : `${partition} ${row}`)));
    }
  }
  return lines;
}

/** Rows with how often they are there; of a changelog what its changes add up to. */
export function fold(lines: readonly string[], { changelog }: Scenario): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (row: unknown, by: number) => {
    const key = typeof row === "string" ? row : JSON.stringify(row);
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  };
  for (const line of lines) {
    if (!changelog) {
      add(line, 1);
      continue;
    }
    const { op, before, after } = JSON.parse(line) as Record<"op" | "before" | "after", unknown>;
    if (op === "d") add(before, -1);
    else add(after, 1);
  }
  return counts;
}

/** Rows that are missing, and rows that are too many, against what is expected. */
export function difference(
  actual: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
): { readonly lost: number; readonly doubled: number } {
  let lost = 0;
  let doubled = 0;
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const more = (actual.get(key) ?? 0) - (expected.get(key) ?? 0);
    if (more > 0) doubled += more;
    else lost -= more;
  }
  return { lost, doubled };
}
