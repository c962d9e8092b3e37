/**
 * Chain: the operators of one subtask wired together, from its heads (source readers, exchange
 *        inputs) to its tails
 * (sink writers, exchange outputs). Built downstream first, so that everything an operator may emit
 * into exists.
 *
 * Flow:    task spec + environment → buildChain → openChain → subtask's loop.
 * Errors:  MR1004 for a node type that has no operator; those of connectors and operators.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type {
  ExecNode,
  LookupJoinNode,
  SinkNode,
  TableSourceScanNode,
  WatermarkAssignerNode,
} from "../../../foundation/plan/exec-node.ts";
import { type KeyedLookup, lookupScanOf } from "../../contract/lookup.ts";
import type { Model, ModelDescription } from "../../contract/model.ts";
import type { OperatorFactory, Output, SpillSpace } from "../../contract/operator.ts";
import { nodeName, type TaskSpec } from "../graph/job-graph.ts";
import { memoryOptions } from "../options.ts";
import { withLineage } from "../savepoint/with-lineage.ts";
import { AlignedSource } from "./aligned-source.ts";
import { BoundedScan } from "./bounded-scan.ts";
import type { ChainTarget, Gate } from "./chain-target.ts";
import { IdlenessDetector } from "./idleness-detector.ts";
import { OperatorRunner } from "./operator-runner.ts";
import type { ProcessingTimers } from "./processing-timers.ts";
import { RowTap } from "./row-tap.ts";
import { SinkTail } from "./sink-tail.ts";
import { SourceHead } from "./source-head.ts";
import type { SubtaskState, TaskEnvironment } from "./task-environment.ts";
import { TaskMetricGroup } from "./task-metrics.ts";
import { userFunction } from "./user-function.ts";
import { ValuesHead } from "./values-head.ts";

export interface ChainOptions {
  readonly task: TaskSpec;
  readonly subtaskIndex: number;
  readonly environment: TaskEnvironment;
  readonly state: SubtaskState;
  readonly gate: Gate;
  readonly timers: ProcessingTimers;
  readonly bufferTimeoutMs: number;
  /** Uids of nodes that had ended in the checkpoint that is restored. */
  readonly endedNodes: ReadonlySet<string>;
  /** Exchange outputs by the node whose rows they carry. */
  readonly exchanges: ReadonlyMap<number, readonly ChainTarget[]>;
}

/** Something that wants processing-time calls; its index in Chain.timed is its owner number. */
export interface Timed {
  onProcessingTime(time: number): void;
}

export interface Chain {
  /** In the plan's order. */
  readonly runners: readonly OperatorRunner[];
  readonly sources: readonly SourceHead[];
  readonly values: readonly ValuesHead[];
  readonly sinks: readonly SinkTail[];
  readonly timed: readonly Timed[];
  readonly detectors: readonly IdlenessDetector[];
  /** By watermark assigner. */
  readonly aligned: ReadonlyMap<number, AlignedSource>;
  /** Metrics by node id. */
  readonly metrics: ReadonlyMap<number, TaskMetricGroup>;
  /** Where rows of an edge that arrives over an exchange go. */
  inputOf(nodeId: number, input: number): ChainTarget;
}

export function buildChain(options: ChainOptions): Chain {
  const builder = new ChainBuilder(options);
  for (let i = options.task.nodes.length - 1; i >= 0; i--) builder.add(options.task.nodes[i]!);
  return builder;
}

/** Opens sinks, operators (downstream first) and readers. */
export async function openChain(
  chain: Chain,
  options: ChainOptions,
  sinkStates: (uid: string) => readonly unknown[],
): Promise<void> {
  for (const sink of chain.sinks) await sink.writer.open(sinkStates(sink.node.uid));
  for (let i = chain.runners.length - 1; i >= 0; i--) {
    const runner = chain.runners[i]!;
    runner.open((output) => createOperator(runner, output, chain, options));
    await runner.prepare();
  }
  for (const detector of chain.detectors) detector.start();
  for (const source of chain.sources) await source.reader.open();
}

export async function closeChain(chain: Chain): Promise<unknown[]> {
  const failures: unknown[] = [];
  const attempt = async (action: () => void | Promise<void>) => {
    try {
      await action();
    } catch (error) {
      failures.push(error);
    }
  };
  for (const source of chain.sources) await attempt(() => source.close());
  for (const runner of chain.runners) await attempt(() => runner.close());
  for (const sink of chain.sinks) await attempt(() => sink.close());
  return failures;
}

class ChainBuilder implements Chain {
  readonly #options: ChainOptions;
  readonly #inputs = new Map<string, ChainTarget>();
  readonly runners: OperatorRunner[] = [];
  readonly sources: SourceHead[] = [];
  readonly values: ValuesHead[] = [];
  readonly sinks: SinkTail[] = [];
  readonly timed: Timed[] = [];
  readonly detectors: IdlenessDetector[] = [];
  readonly aligned = new Map<number, AlignedSource>();
  readonly metrics = new Map<number, TaskMetricGroup>();

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  inputOf(nodeId: number, input: number): ChainTarget {
    const target = this.#inputs.get(`${nodeId}:${input}`);
    if (target === undefined)
      throw baseErrors.ASSERTION({ message: `node ${nodeId} has no input ${input}` });
    return target;
  }

  add(node: ExecNode): void {
    const metrics = new TaskMetricGroup();
    this.metrics.set(node.id, metrics);
    const targets = this.#targetsOf(node);
    if (node.type === "TableSourceScan") this.#addSource(node, targets, metrics);
    else if (node.type === "Sink") this.#addSink(node, metrics);
    else this.#addOperator(node, targets, metrics);
  }

  #targetsOf(node: ExecNode): ChainTarget[] {
    const targets: ChainTarget[] = [];
    for (const reader of this.#options.task.nodes) {
      reader.inputs.forEach((input, index) => {
        if (input.node === node.id) targets.push(this.inputOf(reader.id, index));
      });
    }
    targets.push(...(this.#options.exchanges.get(node.id) ?? []));
    return targets;
  }

  #addSource(node: TableSourceScanNode, targets: ChainTarget[], metrics: TaskMetricGroup): void {
    const { environment, subtaskIndex, task } = this.#options;
    const { plan, registry, runtime, env, view, wake, fail, config } = environment;
    const reader = registry.source(node.table.options.connector ?? "").createReader({
      node,
      env,
      runtime,
      metrics,
      subtaskIndex,
      config,
      parallelism: task.parallelism,
      timeZone: plan.timeZone,
      output: node.output,
    });
    const { spill } = spillSpace(environment);
    const usedBytes = () => runtime.kernels.memoryUsedBytes();
    const room = spill === undefined ? undefined : { budgetBytes: spill.budgetBytes, usedBytes };
    this.sources.push(new SourceHead({ node, reader, targets, metrics, view, wake, fail, room }));
  }

  #addSink(node: SinkNode, metrics: TaskMetricGroup): void {
    const { environment, subtaskIndex, gate, bufferTimeoutMs } = this.#options;
    const { plan, registry, runtime, env, view, jobId, attempt, config, wake, fail } = environment;
    const input = this.#inputSchema(node);
    const writer = registry.sink(node.table.options.connector ?? "").createWriter({
      node,
      env,
      runtime,
      metrics,
      subtaskIndex,
      jobId,
      attempt,
      input,
      config,
      ports: environment.ports,
      parallelism: this.#options.task.parallelism,
      timeZone: plan.timeZone,
    });
    const tap = new RowTap({ view, schema: input, timeZone: plan.timeZone, wake });
    const { clock } = env;
    const options = { node, writer, metrics, view, gate, clock, bufferTimeoutMs, tap, wake, fail };
    const tail = new SinkTail(options);
    this.sinks.push(tail);
    if (isPlain(node, input)) this.#inputs.set(`${node.id}:0`, tail);
    else this.#addOperator(node, [tail], metrics);
  }

  #addOperator(node: ExecNode, targets: readonly ChainTarget[], metrics: TaskMetricGroup): void {
    if (this.#factory(node) === undefined)
      throw baseErrors.UNSUPPORTED({
        what: `the operator ${node.type}`,
        remedy: "Write the query without it, or run it on a Flink target.",
      });
    const { gate, environment } = this.#options;
    const { view, runtime, plan } = environment;
    const { kernels } = runtime;
    const schemas = node.inputs.map(
      (input) => plan.nodes.find(({ id }) => id === input.node)!.output,
    );
    const runner = new OperatorRunner({ node, targets, metrics, gate, view, kernels, schemas });
    if (this.#options.endedNodes.has(node.uid)) runner.skip();
    this.runners.unshift(runner);
    this.timed.push(runner);
    for (let i = 0; i < node.inputs.length; i++)
      this.#inputs.set(`${node.id}:${i}`, runner.input(i));
    if (node.inputs.length === 0) this.values.push(new ValuesHead(runner));
    if (node.type === "WatermarkAssigner") this.#addWatermarks(node, runner);
  }

  #addWatermarks(node: WatermarkAssignerNode, runner: OperatorRunner): void {
    const { environment, timers } = this.#options;
    const { alignment } = node;
    let isIdle = () => false;
    const aligned =
      alignment === undefined ? undefined : new AlignedSource(alignment, runner, () => isIdle());
    if (aligned !== undefined) this.aligned.set(node.id, aligned);
    if (node.idleTimeoutMs > 0) {
      const detector = new IdlenessDetector({
        runner,
        input: runner.input(0),
        idleTimeoutMs: node.idleTimeoutMs,
        clock: environment.env.clock,
        register: (time) => timers.register(this.timed.indexOf(detector), time),
        isHeld: () => aligned?.holds() === true,
      });
      isIdle = () => detector.isIdle;
      this.timed.push(detector);
      this.detectors.push(detector);
      this.#inputs.set(`${node.id}:0`, detector);
    }
  }

  #inputSchema(node: SinkNode) {
    const from = this.#options.environment.plan.nodes.find(
      (candidate) => candidate.id === node.inputs[0]?.node,
    );
    if (from === undefined)
      throw baseErrors.ASSERTION({ message: `${nodeName(node)} has no input` });
    return from.output;
  }

  #factory(node: ExecNode): OperatorFactory<never> | undefined {
    return this.#options.environment.operators[node.type];
  }
}

/** True when rows go to the writer as they are. */
function isPlain(node: SinkNode, input: Schema): boolean {
  const held = node.typeLengthEnforcer ?? node.nestedConstraintEnforcer;
  const checked =
    held !== undefined || node.notNullFields.some((field) => input.fields[field]!.type.nullable);
  return !checked && !node.upsertMaterialize;
}

function createOperator(
  runner: OperatorRunner,
  output: Output,
  chain: Chain,
  options: ChainOptions,
) {
  const { node } = runner;
  const { environment, state, timers, subtaskIndex, task } = options;
  const { plan } = environment;
  const owner = chain.timed.indexOf(runner);
  // The registry is keyed by node.type, so the factory found under it takes this node.
  const factory = environment.operators[node.type] as unknown as OperatorFactory;
  return factory(node, {
    runtime: environment.runtime,
    inputs: node.inputs.map((input) => plan.nodes.find(({ id }) => id === input.node)!.output),
    state: withLineage(state.forOperator(node), node, plan),
    output,
    clock: environment.env.clock,
    random: environment.env.random,
    metrics: runner.metrics,
    subtaskIndex,
    parallelism: task.parallelism,
    config: environment.config,
    timeZone: plan.timeZone,
    mode: plan.mode,
    currentWatermark: () => runner.currentWatermark,
    registerProcessingTimer: (time) => timers.register(owner, time),
    userFunction,
    openLookup: (lookup) => openLookup(lookup, environment),
    openModel: (model) => openModel(model, environment),
    ...spillSpace(environment),
    scanTable: (scan) => new BoundedScan(scan, environment, new TaskMetricGroup()),
  });
}

function openLookup(node: LookupJoinNode, environment: TaskEnvironment): KeyedLookup | undefined {
  const { registry, env, config, plan } = environment;
  const factory = registry.source(node.table.options.connector ?? "");
  factory.validate(lookupScanOf(node));
  return factory.createLookup?.({ node, env, config, timeZone: plan.timeZone });
}

function openModel(model: ModelDescription, { registry, env }: TaskEnvironment): Model {
  const provider = registry.modelProvider?.(model.options.provider ?? "");
  if (provider === undefined)
    throw baseErrors.UNSUPPORTED({ what: "a model", remedy: "Run it where providers are known." });
  return provider.open(model, env.timers);
}

/** Budget and files for what operators keep beside state; nothing when memory has no budget. */
function spillSpace({ env, config }: TaskEnvironment): { readonly spill?: SpillSpace } {
  const { budgetBytes, folder = env.variables["TMPDIR"] ?? "/tmp" } = memoryOptions(config);
  if (budgetBytes === undefined) return {};
  return { spill: { budgetBytes, createFile: () => env.scratch(folder) } };
}
