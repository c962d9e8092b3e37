/**
 * detachedContext: what an operator asks of its task, where there is no task: it can be opened, which generates and compiles
 * its code and names its state, but no row, watermark or timer ever reaches it.
 *
 * Flow:    plan → here → EXPLAIN's WebAssembly text, compile times, layouts of state.
 */
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import { MIN_WATERMARK, type OperatorContext } from "../../contract/operator.ts";
import { userFunction } from "./user-function.ts";

export function detachedContext(
  node: ExecNode,
  plan: ExecPlan,
  parts: Pick<OperatorContext, "runtime" | "state"> & { readonly env: Env },
): OperatorContext {
  const { env, runtime, state } = parts;
  return {
    runtime,
    inputs: node.inputs.map(({ node: id }) => plan.nodes.find((other) => other.id === id)!.output),
    state,
    output: { emit: () => true, emitWatermark: () => undefined },
    clock: env.clock,
    random: env.random,
    metrics: { counter: () => ({ value: 0 }), gauge: () => undefined },
    subtaskIndex: 0,
    parallelism: 1,
    config: plan.config,
    timeZone: plan.timeZone,
    mode: plan.mode,
    currentWatermark: () => MIN_WATERMARK,
    registerProcessingTimer: () => undefined,
    userFunction,
  };
}
