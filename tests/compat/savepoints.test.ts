/** Savepoints of real jobs: restored, rescaled, after changes of the query; damaged ones are told, byte by byte. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { engineParts } from "../../src/cli/engine.ts";
import { instantiateKernels } from "../../src/dataplane/kernels/instantiate.ts";
import { startJob } from "../../src/dataplane/runtime/run-job.ts";
import {
  checkRestore,
  prepareRestore,
} from "../../src/dataplane/runtime/savepoint/prepare-restore.ts";
import { readStateRows } from "../../src/dataplane/runtime/savepoint/read-rows.ts";
import { copySnapshot } from "../../src/dataplane/state/copy-snapshot.ts";
import { verifySnapshot } from "../../src/dataplane/state/verify-snapshot.ts";
import type { ExecPlan } from "../../src/foundation/plan/exec-node.ts";
import { MillraceError } from "../../src/foundation/base/errors.ts";
import { seeded } from "../../testkit/state-fixture.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";
import { expected, FIXTURE_QUERY, GROUPS, numbers, planOf, run } from "./savepoint-jobs.ts";

await loadTestKernels();
const parts = engineParts({});
const { files } = parts.env;
const SEED = Number(process.env.SEED ?? 20_261_123);
const COUNTS = "SELECT k, COUNT(*) AS n, SUM(v) AS s, MAX(v) AS m FROM numbers GROUP BY k";
const text = (rows: ReadonlyMap<unknown, readonly unknown[]>) =>
  new Map([...rows].map(([key, row]) => [String(key), row.slice(1).map(String)]));
const sum = (ids: readonly number[]) => ids.reduce((all, id) => all + id, 0);
const most = (ids: readonly number[]) => Math.max(...ids);
const counted = expected((ids) => [ids.length, sum(ids), most(ids)].map(String));

async function verdicts(path: string, query: string, ddl?: string) {
  const { comparison } = await checkRestore(path, planOf(query, ddl), parts);
  return Object.fromEntries(
    comparison.operators.map(({ type, verdict, reasons }) => [type, [verdict, reasons.join("; ")]]),
  );
}

describe("a savepoint of a job", { timeout: 120_000 }, () => {
  const folder = temporaryFolder("savepoints");
  let path = "";
  before(async () => {
    path = (await run(planOf(COUNTS), folder, { stopIn: join(folder, "kept") })).savepoint;
  });

  test("is restored at any parallelism, after it was moved as a folder", async () => {
    const moved = join(folder, "moved");
    await cp(path, moved, { recursive: true });
    for (const parallelism of [1, 3]) {
      const { rows } = await run(planOf(COUNTS), folder, { from: moved, parallelism });
      assert.deepEqual(text(rows), counted);
    }
  });

  test("a drained one ends its job's windows", async () => {
    const query = `SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' DAY))
      GROUP BY window_start, window_end`;
    const ddl = numbers(", ts AS TO_TIMESTAMP_LTZ(id, 0), WATERMARK FOR ts AS ts");
    const plan = planOf(query, ddl);
    for (const drain of [false, true]) {
      const out = { stopIn: join(folder, "drained"), drain, wanted: 0 };
      const stopped = run(plan, folder, out);
      const { rows } = await stopped;
      assert.equal(rows.size > 0, drain, `drain ${drain}`);
    }
  });

  test("goes on after changes that leave its operators alone, and says what changes", async () => {
    const filtered = COUNTS.replace("GROUP BY", "WHERE id > 0 GROUP BY");
    assert.deepEqual((await verdicts(path, filtered)).GroupAggregate, ["compatible", ""]);
    assert.deepEqual(text((await run(planOf(filtered), folder, { from: path })).rows), counted);

    const wide = numbers("", "BIGINT");
    const [verdict, why] = (await verdicts(path, COUNTS, wide)).GroupAggregate!;
    assert.deepEqual([verdict, why], ["compatible", "its values are converted to the new layout"]);
    for (const parallelism of [1, 2]) {
      const { rows } = await run(planOf(COUNTS, wide), folder, { from: path, parallelism });
      assert.deepEqual(text(rows), counted);
    }

    const more = COUNTS.replace("COUNT(*) AS n", "COUNT(*) AS n, SUM(id) AS added");
    const [added, reason] = (await verdicts(path, more)).GroupAggregate!;
    assert.equal(added, "compatible");
    assert.match(reason!, /^'SUM\(numbers\.id\)' counts from the restore on$/);
    const { rows } = await run(planOf(more), folder, { from: path, parallelism: 2 });
    for (const [key, row] of rows) {
      const [n, s, m] = counted.get(String(key)) as string[];
      assert.deepEqual([row[1], row[3], row[4]].map(String), [n, s, m]);
    }
  });

  test("is refused where state would go, unless that is asked for", async () => {
    const fewer = COUNTS.replace(", MAX(v) AS m", "");
    assert.equal((await verdicts(path, fewer)).GroupAggregate?.[0], "compatible with loss");
    await assert.rejects(run(planOf(fewer), folder, { from: path }), { code: "MR4261" });
    const { rows } = await run(planOf(fewer), folder, { from: path, allowLoss: true });
    assert.deepEqual(
      text(rows),
      new Map([...counted].map(([k, v]) => [k, (v as string[]).slice(0, 2)])),
    );

    const average = COUNTS.replace("MAX(v)", "AVG(v)");
    assert.equal((await verdicts(path, average)).GroupAggregate?.[0], "needs rebuild");
    await assert.rejects(run(planOf(average), folder, { from: path }), { code: "MR4260" });
    await run(planOf(average), folder, { from: path, reset: ["GroupAggregate"] });
    await assert.rejects(run(planOf(average), folder, { from: path, reset: ["Rank"] }), {
      code: "MR4264",
    });

    const other = COUNTS.replaceAll("k, COUNT", "v, COUNT").replace("BY k", "BY v");
    const several = await verdicts(path, other);
    assert.equal(several.GroupAggregate?.[0], "new");
    await assert.rejects(run(planOf(other), folder, { from: path }), { code: "MR4261" });
    const foreign = planOf("SELECT a, COUNT(*) FROM (VALUES (1)) AS t(a) GROUP BY a");
    await assert.rejects(run(foreign, folder, { from: path }), { code: "MR4262" });
  });

  test("is read as rows, aggregates as their finished values", async () => {
    const table = await readStateRows({ ...parts, path, operator: "GroupAggregate" });
    assert.deepEqual(
      table.columns.map(({ name }) => name),
      ["k", "n", "s", "m"],
    );
    let rows = 0;
    for await (const [k, n, s, m] of table.rows()) {
      const ids = Array.from({ length: Number(n) }, (_, i) => Number(k) + i * GROUPS);
      const own = Number(k) === 0 ? ids.map((id) => id + GROUPS) : ids;
      assert.deepEqual([Number(s), Number(m)], [sum(own), most(own)]);
      rows++;
    }
    assert.equal(rows, GROUPS);
    await assert.rejects(readStateRows({ ...parts, path, operator: "Join" }), { code: "MR4265" });
  });

  test("is copied into a folder of its own", async () => {
    const copy = join(folder, "copy");
    await copySnapshot(files, path, copy);
    const runtime = instantiateKernels(parts.kernelsModule);
    assert.equal((await verifySnapshot(copy, { files, runtime })).entries, GROUPS);
    await assert.rejects(copySnapshot(files, path, copy), { code: "MR4218" });
    await files.remove(path.replace(/[^/]+$/, "none"));
  });

  test("every flipped byte of it is noticed, and the one before it is named", async () => {
    const damaged = join(folder, "kept", "damaged");
    await cp(path, damaged, { recursive: true });
    await everyByteCounts(damaged);
    const newer = await readFile(join(path, "_metadata"), "utf8");
    // What lies beside it may be anything.
    await symlink("loop", join(folder, "kept", "loop"));
    await writeFile(join(damaged, "_metadata"), newer.replace('"version":1', '"version":9'));
    await assert.rejects(run(planOf(COUNTS), folder, { from: damaged }), { code: "MR4212" });
    await writeFile(join(damaged, "_metadata"), newer.slice(0, -20));
    await assert.rejects(run(planOf(COUNTS), folder, { from: damaged }), (error: unknown) => {
      assert.ok(error instanceof MillraceError && error.code === "MR4263", String(error));
      assert.ok(error.hint.includes(path), error.hint);
      return true;
    });
  });
});

test("a job whose savepoint is damaged fails, whatever its restart strategy: starting again finds the same", async () => {
  const folder = temporaryFolder("damaged");
  // As many groups as rows: less would be in the manifest.
  const given = planOf("SELECT id, COUNT(*) AS n FROM numbers GROUP BY id");
  const { savepoint } = await run(given, folder, { stopIn: folder });
  const segment = (await readdir(savepoint)).find((name) => name.endsWith(".seg"))!;
  const whole = await readFile(join(savepoint, segment));
  await writeFile(join(savepoint, segment), whole.subarray(0, -5));
  const { plan } = await prepareRestore(savepoint, given, parts, {});
  const job = startJob(plan, {
    ...parts,
    parallelism: 1,
    restoreFrom: savepoint,
    config: {
      "execution.checkpointing.dir": `${folder}/checkpoints`,
      "execution.checkpointing.interval": "1 s",
      "restart-strategy.type": "fixed-delay",
      "restart-strategy.fixed-delay.attempts": "1000000",
      "restart-strategy.fixed-delay.delay": "10 ms",
    },
  });
  const { status, failure } = await job.ended;
  assert.equal(status, "FAILED");
  assert.equal(failure?.code, "MR4211");
  assert.ok(failure.message.includes(segment), failure.message);
  assert.equal(job.view.restarts, 1);
});

test("an unchanged join is compatible; windows must keep their sizes", async () => {
  const folder = temporaryFolder("windows");
  const ddl = numbers(", ts AS TO_TIMESTAMP_LTZ(id, 0), WATERMARK FOR ts AS ts");
  const join = "SELECT a.k, b.v FROM numbers a JOIN numbers b ON a.id = b.id";
  const joined = await run(planOf(join, ddl), folder, { stopIn: folder });
  const verdict = async (path: string, query: string, type: string) =>
    (await verdicts(path, query, ddl))[type] ?? [];
  assert.deepEqual(await verdict(joined.savepoint, join, "Join"), ["compatible", ""]);
  const window = (minutes: number) =>
    `SELECT k, window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '${minutes}' MINUTE))
     GROUP BY k, window_start, window_end`;
  const minutes = await run(planOf(window(1), ddl), folder, { stopIn: folder });
  const same = await verdict(minutes.savepoint, window(1), "WindowAggregate");
  assert.deepEqual(same, ["compatible", ""]);
  const [other, reason] = await verdict(minutes.savepoint, window(2), "WindowAggregate");
  assert.equal(other, "needs rebuild");
  assert.match(reason ?? "", /^its window was .*60000.*, is .*120000/);
});

test("savepoints of every version of the format are restored for ever", async () => {
  const fixtures = join(import.meta.dirname, "fixtures");
  const folder = temporaryFolder("fixtures");
  const straight = await run(planOf(FIXTURE_QUERY), folder);
  const versions = await readdir(fixtures);
  assert.ok(versions.includes("version-1"), versions.join());
  for (const version of versions) {
    const saved = join(fixtures, version, "plan.json");
    const plan = JSON.parse(await readFile(saved, "utf8")) as ExecPlan;
    const from = join(fixtures, version, "savepoint");
    for (const [of, parallelism] of [
      [plan, 1],
      [planOf(FIXTURE_QUERY), 2],
    ] as const) {
      const { rows } = await run(of, folder, { from, parallelism });
      assert.deepEqual(text(rows), text(straight.rows), `${version} at parallelism ${parallelism}`);
    }
  }
});

/** Flips one bit in every byte of every file, one after the other; each must be told with its file. */
async function everyByteCounts(path: string): Promise<void> {
  const runtime = instantiateKernels(parts.kernelsModule);
  for (const name of await readdir(path)) {
    const bytes = await readFile(join(path, name));
    for (let at = 0; at < bytes.length; at++) await flipped(join(path, name), bytes, at, runtime);
    await writeFile(join(path, name), bytes);
  }
}

async function flipped(
  file: string,
  bytes: Buffer,
  at: number,
  runtime: ReturnType<typeof instantiateKernels>,
): Promise<void> {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << (at % 8);
  // Whole files in memory: the disk is not what is tested.
  const reading = {
    ...files,
    readAll: async (path: string) => (path === file ? changed : files.readAll(path)),
  };
  await assert.rejects(
    verifySnapshot(file.slice(0, file.lastIndexOf("/")), { files: reading, runtime }),
    (error: unknown) => error instanceof MillraceError && /^MR42/.test(error.code),
    `byte ${at} of ${file}`,
  );
}

test(`1,000 random flips of a larger one are noticed (SEED=${SEED})`, {
  timeout: 120_000,
}, async () => {
  const folder = temporaryFolder("flips");
  const query = "SELECT id, k, MAX(CAST(v AS STRING)) AS t FROM numbers GROUP BY id, k";
  const { savepoint: path } = await run(planOf(query), folder, { stopIn: folder });
  const random = seeded(SEED);
  const runtime = instantiateKernels(parts.kernelsModule);
  const names = await readdir(path);
  assert.ok(
    names.some((name) => name.endsWith(".seg")),
    "it has a segment of its own",
  );
  const contents = await Promise.all(names.map((name) => readFile(join(path, name))));
  for (let round = 0; round < 1000; round++) {
    const which = random(names.length);
    const file = join(path, names[which]!);
    const bytes = Buffer.from(contents[which]!);
    const at = random(bytes.length);
    bytes[at]! ^= 1 << random(8);
    await writeFile(file, bytes);
    await assert.rejects(
      verifySnapshot(path, { files, runtime }),
      (error: unknown) => error instanceof MillraceError && /^MR42/.test(error.code),
      `SEED=${SEED}: byte ${at} of ${file}`,
    );
    if (round % 100 === 0) {
      await writeFile(file, contents[which]!.subarray(0, at));
      await assert.rejects(verifySnapshot(path, { files, runtime }), MillraceError);
    }
    await writeFile(file, contents[which]!);
  }
});
