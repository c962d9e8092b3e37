/**
 * One seed of the fault campaign: a job of scenarios.ts lives several lives on a simulated machine, each with faults drawn
 * from the seed; the last one is left in peace. Whatever happened: every result is in the files exactly once.
 *
 * Points:  a fault point is a kind of file operation on a kind of file ("fsync segment", "rename part"). Each seed picks one
 *          and something that happens there at its n-th time: the operation fails (EIO, ENOSPC), the process is killed, or
 *          the power is cut, right then. Besides, a swarm: slow or failing disk, a full disk that is cleared, clock jumps,
 *          kills and power cuts at any step, stops with savepoint, another parallelism in each life.
 *          In some lives a message between the job master and a worker is lost or late, or a worker falls silent.
 * Found:   lost and doubled rows at the end; rows that readers see twice at any time; a job that does not end.
 */
import { SeededRandom } from "../../src/foundation/host/simulated-random.ts";
import { SimulatedWorld, TORN_WRITE } from "../../src/foundation/host/simulated-env.ts";
import type { Env } from "../../src/foundation/host/env.ts";
import {
  type JobRecord,
  recoveryPoint,
} from "../../src/dataplane/runtime/process/recovery-point.ts";
import type { RunJobOptions } from "../../src/dataplane/runtime/run-job.ts";
import type { CreateSubtaskState } from "../../src/dataplane/runtime/task/task-environment.ts";
import type { WorkerTransport } from "../../src/dataplane/runtime/worker/transport.ts";
import { createSubtaskState } from "../../src/dataplane/state/subtask-state.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import {
  faultyTransport,
  MESSAGE_ACTIONS,
  MESSAGE_KINDS,
  type MessageFault,
} from "./faulty-transport.ts";
import { DDL, difference, fold, type Scenario, visibleLines, writeOrders } from "./scenarios.ts";

const JOB = "b".repeat(32);
/** Stands for the job's file: where a stop with savepoint was going. */
const RECORD = "/job.json";
const LIVES = 6;
/** Of the disk in the undisturbed run: long enough for several checkpoints. */
const BASELINE_DELAY_MS = 20;
const REHEARSALS = 3;
/** The point where a page of state leaves memory. */
const SPILLING = "write spilled state";
const TORN_PAGES = 30;
const STATE_MOVES = /spilled state|local copy|^(open|read|stat|rm) segment/;
const MESSAGE_FAULT_CHANCE = 0.3;
const MESSAGE_SEEDS = 1_000_000;
/** Of virtual time: a job that takes longer is stuck. */
const MAX_LIFE_MS = 3_600_000;

const CONFIG = {
  "execution.checkpointing.interval": "20 ms",
  "execution.checkpointing.dir": "/checkpoints",
  "execution.checkpointing.num-retained": "2",
  // In passing, so that crashes come while one is being written, too.
  "execution.checkpointing.savepoint-dir": "/savepoints",
  "millrace.savepoint.interval": "130 ms",
  "millrace.savepoint.num-retained": "2",
  // Few key groups: their pages fill one after the other, so that checkpoints share segments.
  "pipeline.max-parallelism": "6",
  "execution.checkpointing.tolerable-failed-checkpoints": "1000",
  // Only where messages are tampered with: workers in this thread are not asked.
  "millrace.metrics.interval": "50 ms",
  "heartbeat.timeout": "1 s",
  "restart-strategy.type": "fixed-delay",
  "restart-strategy.fixed-delay.attempts": "1000",
  "restart-strategy.fixed-delay.delay": "10 ms",
};

export type FaultType =
  | "io-error"
  | "disk-full"
  | "torn-page"
  | "kill"
  | "power-cut"
  | "slow-disk"
  | "failing-disk"
  | "clock-jump"
  | "savepoint"
  | "lost-message"
  | "late-message"
  | "silent-worker";

/** What an undisturbed run does. */
export interface Baseline {
  readonly rows: ReadonlyMap<string, number>;
  readonly steps: number;
  /** Fault points in it, and how often each is passed. */
  readonly points: ReadonlyMap<string, number>;
}

export interface SeedOutcome {
  readonly lost: number;
  readonly doubled: number;
  /** What went wrong besides, in words. */
  readonly failure: string | undefined;
  readonly faults: ReadonlyMap<FaultType, number>;
  readonly point: string;
}

export async function baseline(scenario: Scenario): Promise<Baseline> {
  const points = new Map<string, number>();
  const world = await recordingWorld(scenario, points);
  let steps = 0;
  const ending = startLife(world.boot(), scenario, 0, 2).then((job) => job.ended);
  await drive(world, ending, () => ++steps > 0);
  world.faults = {};
  const rows = fold(await world.run(visibleLines(world.boot())), scenario);
  for (let at = 1; at <= REHEARSALS; at++)
    await rehearse(scenario, Math.floor((steps * at) / (REHEARSALS + 1)), points);
  return { rows, steps, points };
}

/** Passes the points of recovery too: a kill, a stop with savepoint, and the rest. */
async function rehearse(
  scenario: Scenario,
  stepsToKill: number,
  points: Map<string, number>,
): Promise<void> {
  const passed = new Map<string, number>();
  const world = await recordingWorld(scenario, passed);
  let left = stepsToKill;
  void startLife(world.boot(), scenario, 0, 2);
  await world.runUntil(() => left-- <= 0);
  world.kill();
  const second = await world.run(startLife(world.boot(), scenario, 1, 3));
  await world.runUntil(() => second.view.status === "RUNNING");
  await drive(world, second.stopWithSavepoint({ directory: "/savepoints" }));
  world.kill();
  await drive(
    world,
    startLife(world.boot(), scenario, 2, 1).then((job) => job.ended),
  );
  for (const [point, times] of passed)
    if (times > (points.get(point) ?? 0)) points.set(point, times);
}

async function recordingWorld(
  scenario: Scenario,
  points: Map<string, number>,
): Promise<SimulatedWorld> {
  const world = new SimulatedWorld(0);
  await world.run(writeOrders(world.boot(), scenario));
  world.faults = {
    fileDelayMs: BASELINE_DELAY_MS,
    onOperation: (syscall, path) => {
      const point = pointOf(syscall, path);
      points.set(point, (points.get(point) ?? 0) + 1);
      return undefined;
    },
  };
  return world;
}

async function drive(
  world: SimulatedWorld,
  work: Promise<unknown>,
  onStep: () => boolean = () => true,
): Promise<void> {
  let done = false;
  const end = () => {
    done = true;
  };
  work.then(end, end);
  await world.runUntil(() => onStep() && done);
}

export async function runSeed(
  seed: number,
  scenario: Scenario,
  expected: Baseline,
): Promise<SeedOutcome> {
  const run = new SeedRun(seed, scenario, expected);
  let failure: string | undefined;
  try {
    await run.live();
  } catch (error) {
    failure =
      error instanceof Error ? [error.message, ...causes(error)].join(" <- ") : String(error);
  }
  return { ...(await run.verdict()), failure, faults: run.faults, point: run.point };
}

class SeedRun {
  readonly faults = new Map<FaultType, number>();
  readonly point: string;
  readonly #scenario: Scenario;
  readonly #expected: Baseline;
  readonly #random: SeededRandom;
  /** Of its own, so that a seed's other faults are what they were. */
  readonly #messages: SeededRandom;
  readonly #world: SimulatedWorld;
  readonly #action: FaultType;
  /** Times that the point is passed before it happens. */
  #until: number;
  /** Writes of pages that the disk is yet to lose. */
  #torn = 0;
  #now: "kill" | "power-cut" | undefined;

  constructor(seed: number, scenario: Scenario, expected: Baseline) {
    this.#scenario = scenario;
    this.#expected = expected;
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#messages = new SeededRandom(seed + MESSAGE_SEEDS);
    this.#world = new SimulatedWorld(seed);
    let names = [...expected.points.keys()].sort();
    // What such a scenario is there for.
    if (scenario.memory !== undefined && random.chance(0.5))
      names = random.chance(0.5) ? [SPILLING] : names.filter((name) => STATE_MOVES.test(name));
    this.point = names[random.below(names.length)]!;
    this.#until = random.below(expected.points.get(this.point)!);
    const actions: FaultType[] = ["io-error", "disk-full", "kill", "power-cut"];
    // As often as all others together: most pages are not looked at again.
    if (this.point === SPILLING) actions.push(...actions.map(() => "torn-page" as const));
    this.#action = actions[random.below(actions.length)]!;
  }

  async live(): Promise<void> {
    const world = this.#world;
    await world.run(writeOrders(world.boot(), this.#scenario));
    for (let life = 0; life < LIVES; life++) {
      const last = life === LIVES - 1;
      this.#arm(last);
      if (await this.#life(life, last)) return;
    }
  }

  async verdict(): Promise<{ readonly lost: number; readonly doubled: number }> {
    const world = this.#world;
    world.faults = {};
    world.kill();
    const lines = await world.run(visibleLines(world.boot()));
    return difference(fold(lines, this.#scenario), this.#expected.rows);
  }

  /** Draws the swarm of one life. */
  #arm(last: boolean): void {
    const random = this.#random;
    this.#now = undefined;
    if (last) {
      this.#world.faults = {};
      return;
    }
    const slow = random.chance(0.5);
    const failing = random.chance(0.2);
    if (slow) this.#count("slow-disk");
    if (failing) this.#count("failing-disk");
    if (random.chance(0.2)) {
      this.#count("clock-jump");
      this.#world.jumpClock((random.below(7200) - 3600) * 1000);
    }
    this.#world.faults = {
      ...(slow ? { fileDelayMs: 1 + random.below(20) } : {}),
      ...(failing ? { fileErrorRate: 0.002 * (1 + random.below(10)) } : {}),
      onOperation: (syscall, path) => this.#onOperation(syscall, path),
    };
  }

  #onOperation(syscall: string, path: string): string | undefined {
    if (this.#torn > 0 && pointOf(syscall, path) === SPILLING) {
      this.#torn--;
      return TORN_WRITE;
    }
    if (this.#until < 0 || pointOf(syscall, path) !== this.point) return undefined;
    if (this.#until-- > 0) return undefined;
    this.#count(this.#action);
    switch (this.#action) {
      case "io-error":
        return "EIO";
      case "disk-full":
        return "ENOSPC";
      case "torn-page":
        this.#torn = TORN_PAGES;
        return TORN_WRITE;
      default:
        this.#now = this.#action === "kill" ? "kill" : "power-cut";
        return undefined;
    }
  }

  /** One process of the job; true when the job has ended. */
  async #life(life: number, last: boolean): Promise<boolean> {
    const world = this.#world;
    const random = this.#random;
    let ended = false;
    let broken: unknown;
    const env = world.boot();
    const parallelism = 1 + random.below(3);
    const between = last ? undefined : this.#messageFault(env);
    const onOutcome = () => {
      ended = true;
    };
    const job = startLife(env, this.#scenario, life, parallelism, onOutcome, between);
    const stops = !last && random.chance(0.2);
    job.then(
      async (master) => {
        if (stops) this.#stopLater(env, master, random.below(200));
        const { status, failure } = await master.ended;
        if (status === "FAILED") broken = failure ?? status;
      },
      (error: unknown) => {
        broken = error;
      },
    );
    if (last) {
      const until = world.elapsedMs + MAX_LIFE_MS;
      const moved = await world.runUntil(
        () => ended || broken !== undefined || world.elapsedMs > until,
      );
      if (broken !== undefined) throw broken;
      if (!ended) throw new Error(moved ? "the job does not end" : "the job is stuck");
      return true;
    }
    let left = random.below(this.#expected.steps * 2);
    await world.runUntil(() => left-- <= 0 || ended || this.#now !== undefined);
    if (ended) return true;
    const cut = this.#now ?? (random.chance(0.5) ? "kill" : "power-cut");
    if (this.#now === undefined) this.#count(cut);
    if (cut === "kill") world.kill();
    else world.crash();
    return false;
  }

  /** In some lives something happens to the n-th message of a kind. */
  #messageFault(env: Env) {
    const random = this.#messages;
    const overlaps = this.#scenario.concurrentCheckpoints !== undefined;
    if (!overlaps && !random.chance(MESSAGE_FAULT_CHANCE)) return undefined;
    const fault: MessageFault = overlaps
      ? {
          kind: "trigger",
          nth: 1 + random.below(12),
          action: "late-message",
          delayMs: random.below(400),
        }
      : {
          kind: MESSAGE_KINDS[random.below(MESSAGE_KINDS.length)]!,
          nth: 1 + random.below(4),
          action: MESSAGE_ACTIONS[random.below(MESSAGE_ACTIONS.length)]!,
          delayMs: random.below(2000),
        };
    return faultyTransport(fault, env.timers, () => this.#count(fault.action));
  }

  #stopLater(env: Env, master: Awaited<ReturnType<typeof startLife>>, delayMs: number): void {
    env.timers.after(delayMs, () => {
      this.#count("savepoint");
      // One that fails is a fault like the others: the job goes on, or starts again.
      master.stopWithSavepoint({ directory: "/savepoints" }).catch(() => undefined);
    });
  }

  #count(type: FaultType): void {
    this.faults.set(type, (this.faults.get(type) ?? 0) + 1);
  }
}

/** One life of the job, from its newest checkpoint or savepoint on; the promise is of its start. */
export async function startLife(
  env: Env,
  scenario: Scenario,
  life: number,
  parallelism: number,
  onOutcome: () => void = () => {},
  between?: (transport: WorkerTransport) => WorkerTransport,
) {
  const engine = new Engine({ env });
  for (const ddl of DDL) engine.execute(ddl);
  const planned = engine.execute(scenario.insert);
  if (planned.kind !== "insert") throw new Error(`${scenario.name} is no INSERT`);
  const { restoreFrom, older } = await recoveryPoint(env.files, await readRecord(env));
  const jobOptions: Partial<RunJobOptions> = {
    parallelism,
    jobId: JOB,
    ...memoryOf(scenario),
    // The engine's own signal would keep every dead job.
    signal: new AbortController().signal,
    firstAttempt: 1 + life * 1000,
    // As the job's record: what is known to have ended is not started again.
    beforeDiscard: async () => onOutcome(),
    beforeStopCommit: async ({ path, metadata: { checkpointId } }) => {
      const stopping = JSON.stringify({ path, checkpointId });
      await env.files.writeAtomic(RECORD, new TextEncoder().encode(stopping));
    },
    olderCheckpoints: older,
    ...(restoreFrom === undefined ? {} : { restoreFrom }),
  };
  return engine.start(planned.plan, jobOptions, between);
}

/** No page stays in memory: less than the option allows. */
const spillAll: CreateSubtaskState = (options) =>
  createSubtaskState({ ...options, spill: { budgetBytes: 0, folder: "/spill" } });

const LOCAL_COPIES = {
  "execution.checkpointing.local-backup.enabled": "true",
  "execution.checkpointing.local-backup.dirs": "/local",
};

function memoryOf(scenario: Scenario): Pick<RunJobOptions, "config" | "createState"> {
  const { memory, localCopies = false, concurrentCheckpoints = 1 } = scenario;
  const overlapping = {
    "execution.checkpointing.interval": "3 ms",
    "execution.checkpointing.max-concurrent-checkpoints": `${concurrentCheckpoints}`,
  };
  const config = {
    ...CONFIG,
    ...(localCopies ? LOCAL_COPIES : {}),
    ...(concurrentCheckpoints > 1 ? overlapping : {}),
  };
  if (memory === undefined) return { config };
  if (memory === "none") return { config, createState: spillAll };
  const spill = { "taskmanager.memory.managed.size": memory, "io.tmp.dirs": "/spill" };
  return { config: { ...config, ...spill } };
}

async function readRecord({ files }: Env): Promise<JobRecord> {
  const record = { checkpointDirectory: "/checkpoints", request: { jobId: JOB } };
  if ((await files.stat(RECORD)) === undefined) return record;
  const stopping = JSON.parse(new TextDecoder().decode(await files.readAll(RECORD)));
  return { ...record, stopping };
}

/** The fault point of an operation: what is done to what kind of file. */
export function pointOf(syscall: string, path: string): string {
  return `${syscall} ${FILE_KINDS.find(([pattern]) => pattern.test(path))?.[1] ?? "other file"}`;
}

const FILE_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\/savepoints.*\/_metadata(\.tmp)?$/, "manifest of a savepoint"],
  [/^\/savepoints.*\.seg$/, "segment of a savepoint"],
  [/^\/savepoints/, "folder of savepoints"],
  [/^\/in(\/|$)/, "input"],
  [/\/_metadata\.tmp$/, "manifest being written"],
  [/\/_metadata$/, "manifest"],
  [/^\/local(\/|$)/, "local copy"],
  [/\.seg$/, "segment"],
  [/^\/spill\//, "spilled state"],
  [/\/shared$/, "folder of segments"],
  [/\/chk-\d+$/, "folder of a checkpoint"],
  [/^\/job\.json/, "job's file"],
  [/^\/checkpoints/, "folder of checkpoints"],
  [/\.inprogress$/, "part being written"],
  [/\.pending$/, "sealed part"],
  [/^\/out\/part-/, "visible part"],
  [/^\/out\/[^/]+\/part-/, "visible part of a partition"],
  [/^\/out\/[^/]+\/_SUCCESS/, "mark of a partition"],
  [/^\/out\/[^/]+$/, "folder of a partition"],
  [/^\/out$/, "folder of the sink"],
];

function causes(error: Error): string[] {
  return error.cause instanceof Error ? [error.cause.message, ...causes(error.cause)] : [];
}
