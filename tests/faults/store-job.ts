/**
 * The job of kill-job.ts with its checkpoints in an object store that fails, whose process is killed besides: it goes on from
 * its last complete checkpoint, and each row is in the output once.
 *
 * Run:     npm run faults -- --seeds 0 --kills 0 --store [--only NAME]
 * How:     s3rver behind faulty-store-proxy.ts; the process finds it by AWS_ENDPOINT_URL_S3. Requests are sent once or, in the
 *          cases "… retried", as often as the client does by itself.
 * Beyond:  a store that a start finds out of reach for longer than the client tries ends the job as FAILED: it is started again
 *          by hand. One whose lists are stale when a process starts (S3's and OSS's never are) would name an older checkpoint,
 *          whose rows come again: such stores cannot hold checkpoints.
 * Limits:  a process is killed KILLS times, after KILL_AFTER checkpoints have completed or failed; then it is left to end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { planScript } from "../../src/cli/plan-script.ts";
import { type JobHandle, startJobProcess } from "../../src/dataplane/runtime/process/job-handle.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";
import { FaultyStoreProxy, type StoreFault } from "./faulty-store-proxy.ts";
import { countRows, ENTRY, sequenceScript } from "./kill-job.ts";

interface S3rver {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}
type S3rverClass = new (options: Readonly<Record<string, unknown>>) => S3rver;

export interface StoreCase {
  readonly name: string;
  readonly fault: StoreFault;
  /** Requests of the client for one of ours; 1 = it does not ask again. */
  readonly attempts: number;
  /** Text in each key's state: parts of PART_BYTES need some. */
  readonly textLength: number;
}

export interface StoreRun {
  readonly name: string;
  readonly injected: number;
  readonly kills: number;
  /** Kills after which there was a checkpoint to go on from. */
  readonly restored: number;
  readonly failedCheckpoints: number;
  readonly completedCheckpoints: number;
  readonly parts: number;
  readonly lost: number;
  readonly doubled: number;
  readonly failure: string | undefined;
}

const ROWS = 60_000;
const KILLS = 2;
const KILL_AFTER = 2;
const MOST_STARTS = 20;
const LIFE_TIMEOUT_MS = 120_000;
const ATTEMPTS = 3;

const plain = (name: string, fault: StoreFault, attempts = 1): StoreCase => ({
  name,
  fault,
  attempts,
  textLength: 0,
});
const large = (name: string, fault: StoreFault): StoreCase => ({
  name,
  fault,
  attempts: 1,
  textLength: 1500,
});

export const STORE_CASES: readonly StoreCase[] = [
  plain("put refused", { kind: "put", action: "refuse", from: 2, count: 3 }),
  plain("put refused, retried", { kind: "put", action: "refuse", from: 2, count: 2 }, ATTEMPTS),
  plain("put cut off", { kind: "put", action: "cut", from: 2, count: 3 }),
  plain("put done but not answered", { kind: "put", action: "no-answer", from: 2, count: 3 }),
  plain("put never answered", { kind: "put", action: "hang", from: 2, count: 1 }),
  plain("list refused", { kind: "list", action: "refuse", from: 1, count: 3 }),
  plain("list stale while it runs", { kind: "list", action: "stale", from: 1, count: 1_000 }),
  plain("get refused, retried", { kind: "get", action: "refuse", from: 1, count: 2 }, ATTEMPTS),
  plain("get cut off", { kind: "get", action: "cut", from: 1, count: 2 }),
  plain("delete refused", { kind: "delete", action: "refuse", from: 1, count: 3 }),
  large("part refused", { kind: "part", action: "refuse", from: 1, count: 2 }),
  large("part cut off", { kind: "part", action: "cut", from: 1, count: 2 }),
  large("upload not completed", { kind: "complete", action: "refuse", from: 1, count: 2 }),
  large("upload completed, not answered", {
    kind: "complete",
    action: "no-answer",
    from: 1,
    count: 2,
  }),
];

export async function runStoreCases(options: {
  readonly only?: string;
  readonly onRun?: (run: StoreRun) => void;
}): Promise<readonly StoreRun[]> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-store-"));
  const Server = createRequire(import.meta.url)("s3rver") as S3rverClass;
  const configureBuckets = [{ name: "states" }];
  const place = { address: "127.0.0.1", port: 0, silent: true, directory: join(folder, "store") };
  const server = new Server({ ...place, configureBuckets });
  const { port } = await server.run();
  const runs: StoreRun[] = [];
  try {
    for (const one of STORE_CASES) {
      if (options.only !== undefined && !one.name.includes(options.only)) continue;
      const proxy = new FaultyStoreProxy(port);
      const environment = {
        AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${await proxy.start()}`,
        AWS_ACCESS_KEY_ID: "S3RVER",
        AWS_SECRET_ACCESS_KEY: "S3RVER",
        AWS_MAX_ATTEMPTS: String(one.attempts),
      };
      const run = await new StoreJob(
        one,
        join(folder, String(runs.length)),
        environment,
        proxy,
      ).run(runs.length);
      await proxy.close();
      runs.push(run);
      options.onRun?.(run);
    }
    return runs;
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

class StoreJob {
  readonly #case: StoreCase;
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #proxy: FaultyStoreProxy;
  #failed = 0;
  #completed = 0;
  #known = 0;

  constructor(
    one: StoreCase,
    folder: string,
    environment: Readonly<Record<string, string>>,
    proxy: FaultyStoreProxy,
  ) {
    this.#case = one;
    this.#folder = folder;
    this.#environment = environment;
    this.#proxy = proxy;
  }

  async run(index: number): Promise<StoreRun> {
    const { name, fault } = this.#case;
    let kills = 0;
    let restored = 0;
    let failure: string | undefined = "it does not end";
    // A start may fail with the store: whoever starts jobs tries again.
    for (let start = 0; start < MOST_STARTS; start++) {
      if (start <= KILLS) this.#proxy.arm(fault);
      const job = await this.#start(index).catch(() => undefined);
      if (job === undefined) continue;
      const end = await this.#live(job, kills === KILLS);
      if (end === "kill") {
        if (this.#completed > this.#known) restored++;
        this.#known = this.#completed;
        await job.kill();
        kills++;
      }
      job.close();
      if (end === "kill" || end === "gone") continue;
      if (end === "stuck") await job.kill();
      const status = job.file.outcome?.status ?? end;
      failure = status === "FINISHED" ? undefined : `${status} ${JSON.stringify(job.file.outcome)}`;
      break;
    }
    const counts = countRows(join(this.#folder, "out"), ROWS);
    return {
      name,
      kills,
      restored,
      failure,
      injected: this.#proxy.injected,
      failedCheckpoints: this.#failed,
      completedCheckpoints: this.#completed,
      parts: this.#proxy.seen.get("part") ?? 0,
      lost: counts.lost,
      doubled: counts.doubled + counts.wrong,
    };
  }

  #start(index: number): Promise<JobHandle> {
    const { textLength } = this.#case;
    const script = sequenceScript(join(this.#folder, "out"), ROWS, textLength);
    return startJobProcess({
      env: realEnv(),
      folder: join(this.#folder, "job"),
      entry: ENTRY,
      environment: { ...process.env, ...this.#environment },
      request: {
        jobId: index.toString(16).padStart(32, "e"),
        name: "faulty store",
        plan: planScript("store.sql", script).plan,
        parallelism: 1,
        checkpointDirectory: "s3://states/checkpoints",
        config: {
          "execution.checkpointing.tolerable-failed-checkpoints": "1000",
          "restart-strategy.type": "fixed-delay",
          "restart-strategy.fixed-delay.attempts": "1000",
          "restart-strategy.fixed-delay.delay": "20 ms",
        },
      },
    });
  }

  async #live(job: JobHandle, last: boolean): Promise<string> {
    const ended = new Promise<string>((resolve) => {
      if (job.state === "ended") resolve("ended");
      job.onClose(resolve);
    });
    const due = new Promise<string>((resolve) => {
      let left = KILL_AFTER;
      job.onEvent((event) => {
        if (event.event !== "checkpoint" || event.view.status === "IN_PROGRESS") return;
        if (event.view.status === "COMPLETED") this.#completed++;
        else this.#failed++;
        if (--left === 0 && !last) resolve("kill");
      });
    });
    // A process that has died before it answers ends the life, which `ended` says.
    await job.request("follow", { topics: ["checkpoints"] }).catch(() => undefined);
    const stuck = sleep(LIFE_TIMEOUT_MS, "stuck", { ref: false });
    return await Promise.race([ended, due, stuck]);
  }
}
