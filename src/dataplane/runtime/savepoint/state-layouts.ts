/**
 * stateLayouts: the maps that a plan's operators keep, by uid, found by opening each operator once on a runtime of its own
 * that no row ever reaches.
 *
 * Flow:    plan → here → compareState. What an operator needs of the outside (a table to look up) is not there: those that ask
 *          for it at once keep no state.
 */
import type { Env } from "../../../foundation/host/env.ts";
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { KeyedMapSpec } from "../../contract/keyed-state.ts";
import type { OperatorFactory } from "../../contract/operator.ts";
import { instantiateKernels } from "../../kernels/instantiate.ts";
import { createSubtaskState } from "../../state/subtask-state.ts";
import { detachedContext } from "../task/detached-context.ts";
import type { OperatorFactories } from "../task/task-environment.ts";
import type { StateLayouts } from "./compare-state.ts";
import { withLineage } from "./with-lineage.ts";

export interface LayoutParts {
  readonly env: Env;
  readonly operators: OperatorFactories;
  readonly kernelsModule: WebAssembly.Module;
}

/** `only`: types of nodes that are of interest; opening compiles code. */
export async function stateLayouts(
  plan: ExecPlan,
  parts: LayoutParts,
  only: (node: ExecNode) => boolean,
): Promise<StateLayouts> {
  const { env, operators, kernelsModule } = parts;
  const runtime = instantiateKernels(kernelsModule);
  const layouts = new Map<string, KeyedMapSpec[]>();
  for (const node of plan.nodes) {
    const factory = operators[node.type] as OperatorFactory | undefined;
    if (factory === undefined || !only(node)) continue;
    const specs: KeyedMapSpec[] = [];
    const state = await createSubtaskState({
      runtime,
      env,
      maxParallelism: 1,
      keyGroups: { start: 0, end: 0 },
      name: "layout",
      checkpointDirectory: undefined,
      restored: [],
    });
    const backend = withLineage(state.forOperator(node), node, plan);
    const recording = {
      ...backend,
      map: (spec: KeyedMapSpec) => {
        const map = backend.map(spec);
        specs.push(map.spec);
        return map;
      },
    };
    const context = { env, runtime, state: recording };
    const operator = factory(node, detachedContext(node, plan, context));
    try {
      operator.open();
    } finally {
      operator.close();
      state.close();
    }
    if (specs.length > 0) layouts.set(node.uid, specs);
  }
  return layouts;
}
