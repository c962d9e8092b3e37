/** The WebAssembly that a plan's operators generate, as text: each operator is opened once, on a runtime of its own. */
import type { CodegenRuntime } from "../dataplane/codegen/generated-module.ts";
import type { OperatorFactory } from "../dataplane/contract/operator.ts";
import { instantiateKernels } from "../dataplane/kernels/instantiate.ts";
import { detachedContext } from "../dataplane/runtime/task/detached-context.ts";
import { createSubtaskState } from "../dataplane/state/subtask-state.ts";
import type { ExecPlan } from "../foundation/plan/exec-node.ts";
import { engineParts } from "./engine.ts";

const MAX_PARALLELISM = 128;

export async function generatedText(plan: ExecPlan): Promise<string> {
  const texts: string[] = [];
  await openOperators(plan, {
    ...instantiateKernels(engineParts({}).kernelsModule),
    onModule: (operator, module) => texts.push(`;; ${operator}\n${module.toText()}`),
  });
  return texts.join("\n");
}

/** Opens every operator of a plan once, which generates and compiles its code; the milliseconds that takes. */
export async function openOperators(plan: ExecPlan, runtime: CodegenRuntime): Promise<number> {
  const { env, operators } = engineParts({});
  const state = await createSubtaskState({
    runtime,
    env,
    maxParallelism: MAX_PARALLELISM,
    keyGroups: { start: 0, end: MAX_PARALLELISM - 1 },
    name: "explain",
    checkpointDirectory: undefined,
    restored: [],
  });
  const startedMs = env.clock.monotonicMs();
  for (const node of plan.nodes) {
    const factory = operators[node.type] as OperatorFactory | undefined;
    if (factory === undefined || node.type === "Values") continue;
    const context = { env, runtime, state: state.forOperator(node) };
    const operator = factory(node, detachedContext(node, plan, context));
    operator.open();
    operator.close();
  }
  const tookMs = env.clock.monotonicMs() - startedMs;
  state.close();
  return tookMs;
}
