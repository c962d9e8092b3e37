/**
 * The second pass of changelog inference: who needs -U (UPDATE_BEFORE), and who may leave it out.
 *
 * Flow:    physical-planner has set modify kinds bottom-up; here requirements go from the sinks down.
 * Rules:   a consumer that keys its updates (upsert sink on its upsert key, join on inputs unique by the join key, fast
 *          Top-N) asks for upsert; all others for retract. A shared node serves its strictest reader; a reader that wants
 *          upsert of a retracting node gets a DropUpdateBefore between.
 * Source:  Flink FlinkChangelogModeInferenceProgram, SatisfyUpdateKindTraitVisitor.
 */
import { inputRefs } from "../../../foundation/plan/expression.ts";
import { updatesByCommonKey } from "./multi-join.ts";
import { type PhysNode, UPDATE } from "./phys-node.ts";
import { takesUpserts } from "./process-planner.ts";

/** `after`: updates come as +U alone. */
export type UpdateKind = "after" | "both";

export class UpdateKinds {
  readonly #satisfiable = new Map<PhysNode, boolean>();
  readonly #required = new Map<PhysNode, UpdateKind>();
  readonly #sinkRequirement: (sink: PhysNode) => readonly UpdateKind[];

  /** `nodes` in topological order, inputs first. */
  constructor(
    nodes: readonly PhysNode[],
    sinkRequirement: (sink: PhysNode) => readonly UpdateKind[],
  ) {
    this.#sinkRequirement = sinkRequirement;
    for (const node of [...nodes].reverse())
      node.inputs.forEach((edge, i) => {
        if ((edge.node.kinds & UPDATE) === 0) return;
        this.#require(edge.node, this.wanted(node, i));
      });
  }

  /** What the node emits when it updates. */
  of(node: PhysNode): UpdateKind {
    if (node.spec.type === "TableSourceScan" || node.spec.type === "ProcessTableFunction")
      return node.upsertSource ? "after" : "both";
    if (node.spec.type === "DropUpdateBefore") return "after";
    return this.#required.get(node) ?? "after";
  }

  #require(node: PhysNode, kind: UpdateKind): void {
    if (kind === "both" || !this.#required.has(node)) this.#required.set(node, kind);
  }

  /** What `node` asks of its input `index`. */
  wanted(node: PhysNode, index: number): UpdateKind {
    const input = node.inputs[index]!.node;
    const { spec } = node;
    switch (spec.type) {
      case "Sink": {
        const choices = this.#sinkRequirement(node);
        const after = choices.includes("after") && this.#canEmitAfter(input);
        return after ? "after" : "both";
      }
      case "Calc":
      case "Union":
      case "WatermarkAssigner":
      case "WindowTableFunction":
      case "Expand":
        return this.of(node);
      case "LookupJoin":
      case "TemporalJoin":
        // What is kept by a whole row is found by the whole row that is taken back.
        if (spec.type === "LookupJoin" && spec.keepsEqual === true) return "both";
        if (index === 0) return this.of(node);
        return this.#canEmitAfter(input) ? "after" : "both";
      case "Join":
        return this.of(node) === "after" && updatesByJoinKey(node, index) ? "after" : "both";
      case "MultiJoin":
        return this.of(node) === "after" && updatesByCommonKey(node, index) ? "after" : "both";
      case "ChangelogNormalize":
      case "DropUpdateBefore":
        return "after";
      case "Rank":
        return spec.strategy.kind === "update" ? "after" : "both";
      case "ProcessTableFunction":
        return takesUpserts(spec, index) && this.#canEmitAfter(input) ? "after" : "both";
      default:
        return "both";
    }
  }

  #canEmitAfter(node: PhysNode): boolean {
    return canEmitAfter(node, this.#satisfiable);
  }
}

/** Whether a node can leave out -U without its readers losing anything. `known`: what is found of nodes that are shared. */
export function canEmitAfter(node: PhysNode, known = new Map<PhysNode, boolean>()): boolean {
  let can = known.get(node);
  if (can === undefined) {
    can = computeAfter(node, (input) => canEmitAfter(input, known));
    known.set(node, can);
  }
  return can;
}

function computeAfter(node: PhysNode, can: (input: PhysNode) => boolean): boolean {
  if ((node.kinds & UPDATE) === 0) return true;
  const { spec } = node;
  const inputsCan = () => node.inputs.every((edge) => can(edge.node));
  switch (spec.type) {
    case "Calc":
      return !filtersByOther(node) && inputsCan();
    case "Union":
    case "WatermarkAssigner":
    case "Expand":
    case "WindowTableFunction":
      return inputsCan();
    // No key of the input tells its rows apart.
    case "Correlate":
    case "AsyncCorrelate":
    case "ReplicateRows":
      return false;
    case "LookupJoin":
      return spec.keepsEqual !== true && can(node.inputs[0]!.node);
    case "TemporalJoin":
      return can(node.inputs[0]!.node);
    case "Join":
      return node.inputs.every(
        (edge, i) =>
          (edge.node.kinds & UPDATE) === 0 || (updatesByJoinKey(node, i) && can(edge.node)),
      );
    case "MultiJoin":
      return node.inputs.every(
        (edge, i) =>
          (edge.node.kinds & UPDATE) === 0 || (updatesByCommonKey(node, i) && can(edge.node)),
      );
    case "ProcessTableFunction":
      return node.upsertSource === true;
    default:
      return true;
  }
}

function updatesByJoinKey(node: PhysNode, index: number): boolean {
  const { spec } = node;
  if (spec.type !== "Join") return false;
  const on = index === 0 ? spec.leftKeys : spec.rightKeys;
  const keys = node.inputs[index]!.node.upsertKeys;
  return keys.some((key) => on.every((field) => key.includes(field)));
}

/** A filter on fields that are no upsert key would swallow the +U that takes a row away. */
function filtersByOther(node: PhysNode): boolean {
  if (node.spec.type !== "Calc" || node.spec.condition === undefined) return false;
  const used = inputRefs(node.spec.condition);
  const keys = node.inputs[0]!.node.upsertKeys;
  return !keys.some((key) => [...used].every((index) => key.includes(index)));
}
