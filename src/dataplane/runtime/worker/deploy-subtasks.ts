/**
 * Builds the subtasks of one worker from a deploy message: exchanges from the rings, state
 * (restored), chain, loop object.
 *
 * Flow:    worker → here → subtasks, open and ready to step.
 */
import { keyGroupRange } from "../../../foundation/columnar/key-group.ts";
import { BatchView, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { assert, toMillraceError } from "../../../foundation/base/errors.ts";
import { exchangeKeys } from "../graph/exchange-keys.ts";
import {
  consumersOf,
  type EdgeSpec,
  type JobGraph,
  nodeName,
  producersOf,
  type TaskSpec,
} from "../graph/job-graph.ts";
import type { Barrier } from "../exchange/barrier.ts";
import { DirectLane, type SubtaskTimes } from "../exchange/direct-lane.ts";
import {
  type BatchPieces,
  ExchangeInput,
  type ExchangeInputOptions,
} from "../exchange/exchange-input.ts";
import { ExchangeOutput } from "../exchange/exchange-output.ts";
import { RingReader, RingWriter } from "../exchange/ring.ts";
import { KernelWireCodec } from "../exchange/kernel-wire-codec.ts";
import { buildChain, type Chain, openChain } from "../task/chain.ts";
import { Gate } from "../task/chain-target.ts";
import { ProcessingTimers } from "../task/processing-timers.ts";
import { Subtask, type SubtaskEvents } from "../task/subtask.ts";
import type { SubtaskState, TaskEnvironment } from "../task/task-environment.ts";
import { TaskMetricGroup } from "../task/task-metrics.ts";
import type { DeployMessage, EdgeRings, WorkerMessage } from "./messages.ts";
import type { WorkerOptions } from "./worker.ts";
import {
  bufferTimeoutMs,
  checkpointOptions,
  localBackupOptions,
  memoryOptions,
} from "../options.ts";

const STATE_PAGE_BYTES = 4096;
/** A page for each row of a piece is one part in so many of the budget; a piece has some rows all the same. */
const BUDGET_PART = 16;
const LEAST_PIECE = 64;

export interface DeployedSubtask {
  readonly subtask: Subtask;
  readonly state: SubtaskState;
  readonly times: SubtaskTimes;
}

export interface DeployOptions {
  readonly message: DeployMessage;
  readonly graph: JobGraph;
  readonly worker: WorkerOptions;
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
  readonly post: (message: WorkerMessage) => void;
  /**
   * Called for each as soon as it exists, so that it is closed even if a later one fails to open.
   */
  readonly add: (deployed: DeployedSubtask) => void;
}

/** The worker that hosts a subtask: tasks of parallelism 1 run on the first. */
export function workerOf(subtask: number): number {
  return subtask;
}

export async function deploySubtasks(options: DeployOptions): Promise<void> {
  const { graph, worker } = options;
  const deployed = new Map<number, DeployedSubtask>();
  for (const task of graph.tasks) {
    if (worker.index < task.parallelism) await deploySubtask(options, task, deployed);
  }
}

async function deploySubtask(
  options: DeployOptions,
  task: TaskSpec,
  deployed: Map<number, DeployedSubtask>,
): Promise<void> {
  const { message, worker, wake } = options;
  const subtaskIndex = worker.index;
  const { env } = worker;
  const { restored, config } = message;
  const environment = taskEnvironment(options);
  const state = await createState(options, task, subtaskIndex);
  const metrics = new TaskMetricGroup();
  const gate = new Gate();
  const timers = new ProcessingTimers(env.clock, env.timers, wake);
  const place: Place = { options, task, subtaskIndex, gate, metrics, deployed };
  const outputs = task.outputs.map((edge) => exchangeOutput(place, edge));
  const chainOptions = {
    task,
    subtaskIndex,
    environment,
    state,
    gate,
    timers,
    exchanges: Map.groupBy(outputs, ({ edge }) => edge.fromNode),
    endedNodes: new Set(restored?.endedNodes ?? []),
    bufferTimeoutMs: bufferTimeoutMs(config),
  };
  const chain = buildChain(chainOptions);
  let subtask: Subtask | undefined;
  const reading = {
    onBarrier: (barrier: Barrier) => subtask?.onBarrier(barrier),
    aligns: checkpointOptions(config).aligns,
    pieces: batchPieces(config, state),
  };
  const inputs = task.inputs.map((edge) => exchangeInput(place, edge, chain, reading));
  subtask = new Subtask({
    task,
    subtaskIndex,
    environment,
    chain,
    inputs,
    outputs,
    state,
    gate,
    timers,
    metrics,
    lastCheckpointId: restored?.checkpointId ?? 0,
    aligns: reading.aligns,
    events: subtaskEvents(place),
  });
  const times = {
    busy: metrics.counter("busyTimeMs"),
    idle: metrics.counter("idleTimeMs"),
    blocked: metrics.counter("backPressuredTimeMs"),
    lastMs: 0,
  };
  deployed.set(task.id, { subtask, state, times });
  options.add({ subtask, state, times });
  for (const { node, metrics: group } of chain.runners) {
    group.gauge("millrace.stateSizeBytes", () => state.operatorBytes(node.uid).stateBytes);
    group.gauge("millrace.stateMemoryBytes", () => state.operatorBytes(node.uid).memoryBytes);
  }
  if (inputs.length > 0)
    metrics.gauge("inPoolUsage", () => Math.max(...inputs.map(({ usage }) => usage)));
  await openChain(chain, chainOptions, (uid) => {
    const states = restored?.sinkStates[uid] ?? [];
    return states.filter((_, index) => index % task.parallelism === subtaskIndex);
  });
  for (const runner of chain.runners) {
    const watermark = restored?.watermarks[runner.node.uid];
    if (watermark !== undefined) runner.restoreWatermark(watermark);
  }
}

/** Where a subtask is being built: passed on together. */
interface Place {
  readonly options: DeployOptions;
  readonly task: TaskSpec;
  readonly subtaskIndex: number;
  readonly gate: Gate;
  readonly metrics: TaskMetricGroup;
  /** The subtasks of this worker that are there already, by task. */
  readonly deployed: ReadonlyMap<number, DeployedSubtask>;
}

function taskEnvironment({ message, worker, wake, fail }: DeployOptions): TaskEnvironment {
  const { env, runtime, registry, operators, ports } = worker;
  const { plan, jobId, attempt, config } = message;
  const arena = {
    mark: () => runtime.kernels.arenaMark(),
    release: (mark: number) => runtime.kernels.arenaRelease(mark),
  };
  const view = new BatchView(runtime.memory);
  return {
    runtime,
    arena,
    view,
    env,
    plan,
    jobId,
    attempt,
    config,
    registry,
    operators,
    ports,
    wake,
    fail,
  };
}

function createState(
  { message, worker }: DeployOptions,
  task: TaskSpec,
  subtaskIndex: number,
): Promise<SubtaskState> {
  const { maxParallelism, checkpointDirectory, restored, config, jobId } = message;
  const temporary = worker.env.variables["TMPDIR"];
  const { budgetBytes, operatorBytes, folder = temporary ?? "/tmp" } = memoryOptions(config);
  const hasLimit = budgetBytes !== undefined || operatorBytes !== undefined;
  const limits = {
    budgetBytes: budgetBytes ?? Number.POSITIVE_INFINITY,
    ...(operatorBytes === undefined ? {} : { operatorBytes }),
    folder,
  };
  const localCopies = localBackupOptions(config, jobId, temporary);
  return worker.createState({
    runtime: worker.runtime,
    env: worker.env,
    subtaskIndex,
    parallelism: task.parallelism,
    maxParallelism,
    keyGroups: keyGroupRange(maxParallelism, task.parallelism, subtaskIndex),
    name: `${task.id}-${subtaskIndex}`,
    checkpointDirectory,
    restored: restored?.states ?? [],
    ...(hasLimit ? { spill: limits } : {}),
    ...(localCopies === undefined ? {} : { localCopies }),
    uids: task.nodes.map(({ uid }) => uid).filter((uid) => !restored?.endedNodes.includes(uid)),
    operatorName: (uid) => {
      const node = task.nodes.find((other) => other.uid === uid);
      return node === undefined ? uid : nodeName(node);
    },
  });
}

function subtaskEvents({ options, task, subtaskIndex }: Place): SubtaskEvents {
  const { post } = options;
  return {
    onSnapshot: (checkpointId, report) => post({ kind: "snapshot", checkpointId, report }),
    onSnapshotFailed: (checkpointId, cause) => {
      const error = toMillraceError(cause).toObject();
      post({ kind: "declined", checkpointId, task: task.id, subtask: subtaskIndex, error });
    },
    onFinished: (report) => post({ kind: "finished", report }),
  };
}

function exchangeOutput(place: Place, edge: EdgeSpec): ExchangeOutput {
  const { options, task, subtaskIndex, gate, metrics } = place;
  const { graph, worker, message } = options;
  const rings = ringsOf(message, edge)[subtaskIndex]!;
  const from = task.nodes.find(({ id }) => id === edge.fromNode)!;
  const channels = consumersOf(edge, graph, subtaskIndex).map((consumer) => ({
    ring: new RingWriter(rings[consumer]!),
    signal: () => worker.board.signal(workerOf(consumer)),
    ...(workerOf(consumer) === worker.index ? { direct: directLane(place, edge) } : {}),
  }));
  const operator = nodeName(from);
  const codec = new KernelWireCodec({
    runtime: worker.runtime,
    schema: from.output,
    keys: exchangeKeys(edge, message.plan),
    maxParallelism: graph.maxParallelism,
    operator,
  });
  return new ExchangeOutput({ edge, channels, codec, gate, metrics, operator });
}

/** The lane to the edge's consumer in this worker, made when it is first asked for. */
function directLane(
  { options, task, subtaskIndex, deployed }: Place,
  edge: EdgeSpec,
): () => DirectLane | undefined {
  let lane: DirectLane | undefined;
  return () => {
    const producer = deployed.get(task.id);
    const consumer = deployed.get(edge.toTask);
    if (lane !== undefined || producer === undefined || consumer === undefined) return lane;
    lane = new DirectLane({
      clock: options.worker.env.clock,
      channel: producersOf(edge, options.graph, subtaskIndex).indexOf(subtaskIndex),
      consumer: consumer.subtask,
      input: consumer.subtask.inputs.find((input) => input.edge.id === edge.id)!,
      times: { producer: producer.times, consumer: consumer.times },
    });
    return lane;
  };
}

function exchangeInput(
  place: Place,
  edge: EdgeSpec,
  chain: Chain,
  reading: Pick<ExchangeInputOptions, "onBarrier" | "aligns" | "pieces">,
): ExchangeInput {
  const { options, subtaskIndex, metrics } = place;
  const { graph, worker, message } = options;
  const rings = ringsOf(message, edge);
  const from = message.plan.nodes.find(({ id }) => id === edge.fromNode)!;
  const channels = producersOf(edge, graph, subtaskIndex).map((producer) => ({
    ring: new RingReader(rings[producer]![subtaskIndex]!),
    signal: () => worker.board.signal(workerOf(producer)),
  }));
  const codec = new KernelWireCodec({
    runtime: worker.runtime,
    schema: from.output,
    keys: undefined,
    maxParallelism: graph.maxParallelism,
    operator: nodeName(from),
  });
  const target = chain.inputOf(edge.toNode, edge.toInput);
  return new ExchangeInput({ edge, channels, codec, target, metrics, ...reading });
}

/** So few rows at a time that a page of state for each of them is a small part of the budget; one, two, four … where state is cold. */
function batchPieces(
  config: DeployMessage["config"],
  state: SubtaskState,
): BatchPieces | undefined {
  const { budgetBytes } = memoryOptions(config);
  const pages = Math.floor(
    (budgetBytes ?? Number.MAX_SAFE_INTEGER) / BUDGET_PART / STATE_PAGE_BYTES,
  );
  const limit = Math.max(LEAST_PIECE, pages - (pages % LEAST_PIECE));
  let rows = state.isCold === true ? 1 : MAX_BATCH_ROWS;
  if (Math.min(limit, rows) >= MAX_BATCH_ROWS) return undefined;
  const mostRows = () => {
    const most = Math.min(limit, rows);
    rows = Math.min(MAX_BATCH_ROWS, rows * 2);
    return most;
  };
  return { mostRows, makeRoom: () => state.maintain(), alone: () => rows < MAX_BATCH_ROWS };
}

function ringsOf(message: DeployMessage, edge: EdgeSpec): EdgeRings["rings"] {
  const found = message.rings.find((rings) => rings.edge === edge.id);
  assert(found !== undefined, `no rings for edge ${edge.id}`);
  return found.rings;
}
