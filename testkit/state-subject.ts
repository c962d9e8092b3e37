/**
 * A subtask's state with three maps (keys of 8 and 16 bytes, and of variable size), on a simulated
 * disk: what the tests of the state backend share.
 */
import assert from "node:assert/strict";
import { MillraceError } from "../src/foundation/base/errors.ts";
import { keyGroupRange } from "../src/foundation/columnar/key-group.ts";
import type { Env } from "../src/foundation/host/env.ts";
import { SimulatedWorld } from "../src/foundation/host/simulated-env.ts";
import type { StateHandle } from "../src/dataplane/state/state-handle.ts";
import {
  createSubtaskState,
  type SnapshotRun,
  type SubtaskState,
} from "../src/dataplane/state/subtask-state.ts";
import { compare, keyGroupOfId, MapDriver, type Model, modelSpec } from "./state-fixture.ts";
import { loadTestKernels, loadTestRuntime } from "./worker-runtime.ts";

export const SEED = Number(process.env.SEED ?? (Date.now() % 1_000_000) + 1);
export const DIRECTORY = "/job";
export const NODE = { uid: "agg" };
// Before any simulation: what happens outside of it looks like a deadlock to it.
await loadTestKernels();

export interface Subject {
  readonly state: SubtaskState;
  readonly drivers: readonly MapDriver[];
  readonly range: { readonly start: number; readonly end: number };
}

export async function subject(
  env: Env,
  options: {
    readonly restored?: readonly unknown[];
    readonly parallelism?: number;
    readonly index?: number;
    readonly memoryLimitBytes?: number;
    readonly directory?: string;
    /** 0: no page stays in memory beyond maintain(). */
    readonly budgetBytes?: number;
    readonly operatorBytes?: number;
  } = {},
): Promise<Subject> {
  const { restored = [], parallelism = 1, index = 0, memoryLimitBytes } = options;
  const runtime = await loadTestRuntime(memoryLimitBytes === undefined ? {} : { memoryLimitBytes });
  const range = keyGroupRange(128, parallelism, index);
  const state = await createSubtaskState({
    runtime,
    env,
    maxParallelism: 128,
    keyGroups: range,
    name: `1-${index}`,
    checkpointDirectory: options.directory ?? DIRECTORY,
    restored,
    ...(options.budgetBytes === undefined
      ? {}
      : { spill: { ...options, budgetBytes: options.budgetBytes, folder: "/tmp" } }),
  });
  const backend = state.forOperator(NODE);
  const drivers = [8, 16, -1].map(
    (keyBytes) => new MapDriver(runtime, backend.map(modelSpec(`m${keyBytes}`, keyBytes))),
  );
  return { state, drivers, range };
}

/** Writes a whole snapshot, changing the state while it is written. */
export async function finish(
  env: Env,
  run: SnapshotRun,
  between: () => void = () => {},
): Promise<StateHandle> {
  // Looked at below; a failure before that is no unhandled one.
  run.done.catch(() => {});
  for (let steps = 0; !run.step(64 * 1024); steps++) {
    between();
    await new Promise<void>((resolve) => env.timers.yield(resolve));
    assert.ok(steps < 100_000, "the snapshot does not end");
  }
  return (await run.done).handle;
}

export function request(checkpointId: number, kind: "checkpoint" | "savepoint" = "checkpoint") {
  return { checkpointId, kind, triggeredMs: 1_000_000 + checkpointId };
}

export function manifest(
  checkpointId: number,
  states: readonly unknown[],
  kind: "checkpoint" | "savepoint" = "checkpoint",
) {
  return { ...request(checkpointId, kind), states };
}

/** Runs a test on the simulated disk. */
export async function simulate(
  body: (env: Env, world: SimulatedWorld) => Promise<void>,
  seed = SEED,
): Promise<void> {
  const world = new SimulatedWorld(seed);
  await world.run(body(world.boot(), world));
}

export function codeIs(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

export function copyOf(model: Model): Model {
  return new Map([...model].map(([id, value]) => [id, { ...value }]));
}

export function check(subtask: Subject, models: readonly Model[]): void {
  for (const [i, driver] of subtask.drivers.entries()) {
    const { keyBytes } = driver.map.spec;
    const owns = (id: number) => {
      const group = keyGroupOfId(driver.runtime, driver.map, id);
      return group >= subtask.range.start && group <= subtask.range.end;
    };
    try {
      compare(driver, models[i]!, subtask.range, owns);
    } catch (error) {
      throw new Error(`map of ${keyBytes} key bytes: ${String(error)}`, { cause: error });
    }
  }
}
