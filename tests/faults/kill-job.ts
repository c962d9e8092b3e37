/**
 * Kills the process of a job again and again (SIGKILL) while it writes files exactly once, and counts the rows against the
 * input: every number of a sequence once, with a running aggregate that a lost or doubled row would change.
 *
 * Run:     npm run faults -- --seeds 0 [--kills 50]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { planScript } from "../../src/cli/plan-script.ts";
import { startJobProcess } from "../../src/dataplane/runtime/process/job-handle.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";

export interface KillRun {
  readonly kills: number;
  /** Kills after which the job went on from a checkpoint; the others came before the first one. */
  readonly restored: number;
  readonly rows: number;
  readonly lost: number;
  readonly doubled: number;
  /** Rows whose running count does not follow from the one before. */
  readonly wrong: number;
  /** From the kill to a running process again, at most. */
  readonly slowestRestartMs: number;
}

const ROWS_PER_SECOND = 20_000;
const KEYS = 97;
/** From a start to the kill. */
const LEAST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 1500;
const POLL_MS = 20;
export const ENTRY = new URL("../../src/cli/job.worker.ts", import.meta.url);

export async function killRepeatedly(options: {
  readonly kills: number;
  readonly seed: number;
  readonly onKill?: (kill: number) => void;
}): Promise<KillRun> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-kill-"));
  const random = generator(options.seed);
  const rows = Math.ceil((options.kills * MOST_PAUSE_MS * ROWS_PER_SECOND) / 1000);
  try {
    const request = {
      jobId: "a".repeat(32),
      name: "kill",
      plan: planScript("kill.sql", sequenceScript(join(folder, "out"), rows)).plan,
      parallelism: 2,
    };
    let slowestRestartMs = 0;
    let kills = 0;
    let restored = 0;
    for (;;) {
      const startedAt = performance.now();
      const job = await startJobProcess({
        env: realEnv(),
        folder: join(folder, "job"),
        entry: ENTRY,
        request,
      });
      slowestRestartMs = Math.max(slowestRestartMs, performance.now() - startedAt);
      const ended = new Promise<string>((resolve) => {
        if (job.state === "ended") resolve("ended");
        job.onClose(resolve);
      });
      const isLast = kills === options.kills;
      const pause = LEAST_PAUSE_MS + random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS);
      // The first life may end before there is a checkpoint; the second does not, however slow the machine.
      const alive = async () => {
        while (
          kills === 1 &&
          job.state === "connected" &&
          (await job.recoveryPoint()) === undefined
        )
          await sleep(POLL_MS);
        return sleep(pause, "alive");
      };
      const state = await (isLast ? ended : Promise.race([ended, alive()]));
      if (state === "ended") break;
      if (state === "gone") throw new Error("the process died by itself");
      await job.kill();
      if ((await job.recoveryPoint()) !== undefined) restored++;
      job.close();
      kills++;
      options.onKill?.(kills);
    }
    return {
      kills,
      restored,
      slowestRestartMs: Math.round(slowestRestartMs),
      ...countRows(join(folder, "out"), rows),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Numbers from 1 to `rows`, as changes of a count for each of KEYS keys, in files. With `textLength`, each number leaves
 * about so many bytes in state, too.
 */
export function sequenceScript(out: string, rows: number, textLength = 0): string {
  const counted =
    textLength === 0 ? "COUNT(*)" : `COUNT(DISTINCT LPAD(CAST(n AS STRING), ${textLength}, 'x'))`;
  return `SET 'execution.checkpointing.interval' = '100 ms';
SET 'table.exec.mini-batch.enabled' = 'false';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '${ROWS_PER_SECOND}',
  'number-of-rows' = '${rows}', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '${rows}');
CREATE TABLE counts (k BIGINT, n BIGINT, c BIGINT) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'debezium-json');
INSERT INTO counts SELECT MOD(n, ${KEYS}) AS k, MAX(n) AS n, ${counted} AS c FROM numbers GROUP BY MOD(n, ${KEYS});`;
}

interface Change {
  readonly op: "c" | "d";
  readonly before: { k: number; n: number; c: number } | null;
  readonly after: { k: number; n: number; c: number } | null;
}

/** Each input row makes one `c` of its key: (n, c) must be there once for each n, with c its rank within the key. */
export function countRows(
  folder: string,
  rows: number,
): Omit<KillRun, "kills" | "restored" | "slowestRestartMs"> {
  const seen = new Map<number, number>();
  let wrong = 0;
  for (const name of readdirSync(folder).filter((file) => !file.startsWith("."))) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      if (line === "") continue;
      const { op, after } = JSON.parse(line) as Change;
      if (op !== "c" || after === null) continue;
      const key = after.k * 1e9 + after.c;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (after.c < 1 || after.c > Math.ceil(rows / KEYS)) wrong++;
    }
  }
  let doubled = 0;
  for (const times of seen.values()) doubled += times - 1;
  return { rows, lost: rows - seen.size, doubled, wrong };
}

/** Uniform in [0, 1), the same for one seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}
