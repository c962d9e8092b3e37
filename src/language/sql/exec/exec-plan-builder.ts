/**
 * Physical nodes → ExecPlan: topological order, ids, uids, update kinds, inserted DropUpdateBefore nodes, descriptions.
 *
 * Ids count up from 1 in an order that depends on the statement alone; uids are those of foundation/plan/operator-identity.ts.
 */
import {
  type ChangelogMode,
  type ExecInput,
  type ExecNode,
  type ExecPlan,
  PLAN_VERSION,
} from "../../../foundation/plan/exec-node.ts";
import { kebab, withOperatorUids } from "../../../foundation/plan/operator-identity.ts";
import { describeNode } from "../explain/node-text.ts";
import { planErrors } from "../errors.ts";
import { withEstimates } from "../statistics/plan-estimates.ts";
import { type UpdateKind, UpdateKinds } from "./changelog.ts";
import { DeleteKinds } from "./delete-kinds.ts";
import { withHashJoins } from "./hash-join.ts";
import { DELETE, INSERT, type PhysNode, UPDATE } from "./phys-node.ts";
import { withGroupPhases } from "./group-phases.ts";
import { withBatchAggregates } from "./batch-aggregates.ts";
import { type MiniBatch, planMiniBatch } from "./mini-batch.ts";
import { withChanges } from "./process-planner.ts";
import type { PlanOptions } from "./plan-options.ts";
import { withRuntimeFilters } from "./runtime-filters.ts";
import { withWindowPhases } from "./window-phases.ts";

export function buildExecPlan(roots: readonly PhysNode[], options: PlanOptions): ExecPlan {
  const order = topological(roots);
  const kinds = new UpdateKinds(order, sinkRequirement);
  return new Builder(kinds, new DeleteKinds(order, kinds), options).build(order);
}

/** Inputs before readers, in the order of the roots. */
export function topological(roots: readonly PhysNode[]): PhysNode[] {
  const done = new Set<PhysNode>();
  const order: PhysNode[] = [];
  const stack: { node: PhysNode; next: number }[] = [];
  for (const root of roots) {
    stack.push({ node: root, next: 0 });
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const child = top.node.inputs[top.next++]?.node;
      if (child !== undefined) {
        if (!done.has(child)) stack.push({ node: child, next: 0 });
        continue;
      }
      if (!done.has(top.node)) {
        done.add(top.node);
        order.push(top.node);
      }
      stack.pop();
    }
  }
  return order;
}

/** What an upsert sink can do with: +U alone only when its key is an upsert key of the input. */
function sinkRequirement(sink: PhysNode): readonly UpdateKind[] {
  if (sink.spec.type !== "Sink" || sink.spec.sinkChangelogMode !== "upsert") return ["both"];
  const key = new Set(sink.spec.upsertKey);
  if (key.size === 0) return ["after", "both"];
  const { upsertKeys } = sink.inputs[0]!.node;
  const exact = upsertKeys.some((k) => k.length === key.size && k.every((i) => key.has(i)));
  return exact ? ["after", "both"] : ["both"];
}

class Builder {
  readonly #kinds: UpdateKinds;
  readonly #deletes: DeleteKinds;
  readonly #options: PlanOptions;
  readonly #nodes: ExecNode[] = [];
  readonly #ids = new Map<PhysNode, number>();
  readonly #dropped = new Map<PhysNode, number>();
  readonly #normals = new Map<PhysNode, number>();

  constructor(kinds: UpdateKinds, deletes: DeleteKinds, options: PlanOptions) {
    this.#kinds = kinds;
    this.#deletes = deletes;
    this.#options = options;
  }

  build(order: readonly PhysNode[]): ExecPlan {
    const miniBatch = planMiniBatch(order, this.#options);
    for (const node of order) {
      this.#add(node);
      if (miniBatch?.behind.has(node) === true) this.#addMiniBatch(node, miniBatch.spec);
    }
    const { config, timeZone, mode } = this.#options;
    const named = (node: ExecNode) =>
      node.type === "ProcessTableFunction" && node.uidArgument !== null;
    const identified = withOperatorUids(this.#nodes, named);
    const lookup = this.#options.statistics ?? (() => undefined);
    const nodes =
      mode === "batch"
        ? withBatchAggregates(
            withRuntimeFilters(
              withHashJoins(withEstimates(identified, lookup), this.#options.option),
              this.#options.option,
              lookup,
            ),
            this.#options.option,
          )
        : withWindowPhases(
            miniBatch === undefined
              ? identified
              : withGroupPhases(identified, this.#options.option),
            this.#options.option,
          );
    return { version: PLAN_VERSION, nodes, config, timeZone, mode };
  }

  #add(node: PhysNode): void {
    if (this.#deletes.isNeedless(node)) {
      this.#ids.set(node, this.#inputId(node, 0));
      return;
    }
    const inputs = node.inputs.map(
      (edge, i): ExecInput => ({
        node: this.#inputId(node, i),
        distribution: edge.distribution,
      }),
    );
    const both = this.#kinds.of(node) === "both" && (node.kinds & UPDATE) !== 0;
    const spec =
      "generateUpdateBefore" in node.spec
        ? { ...node.spec, generateUpdateBefore: both }
        : node.spec.type === "ProcessTableFunction"
          ? withChanges(node.spec, this.#inputChanges(node), this.#deletes.byKey(node))
          : node.spec;
    this.#ids.set(node, this.#push(node, { spec, inputs, ...this.#changes(node) }));
  }

  /** Readers of the node read the assigner behind it. */
  #addMiniBatch(node: PhysNode, spec: MiniBatch): void {
    const inputs = [{ node: this.#ids.get(node)!, distribution: { kind: "forward" } }] as const;
    this.#ids.set(node, this.#push(node, { spec, inputs, ...this.#changes(node) }));
  }

  #push(
    node: Pick<PhysNode, "schema" | "upsertKeys" | "stateTtlMs">,
    made: {
      readonly spec: PhysNode["spec"];
      readonly inputs: readonly ExecInput[];
      readonly mode: ChangelogMode;
      readonly changes: string;
    },
  ): number {
    const id = this.#nodes.length + 1;
    const { spec, inputs, mode, changes } = made;
    const ttl = node.stateTtlMs ?? this.#defaultTtl(spec);
    const schemas = inputs.map((input) => this.#nodes[input.node - 1]!.output);
    const base = {
      id,
      uid: this.#uid(spec, id),
      inputs,
      output: node.schema,
      changelogMode: mode,
      changes,
      upsertKeys: node.upsertKeys,
      description: describeNode(spec, schemas, node.schema),
      ...(ttl === undefined ? {} : { stateTtlMs: ttl }),
    };
    this.#nodes.push({ ...spec, ...base } as ExecNode);
    return id;
  }

  /** A process table function has the name that the statement gives its state. */
  #uid(spec: PhysNode["spec"], id: number): string {
    if (spec.type !== "ProcessTableFunction" || spec.uidArgument === null)
      return `${id}_${kebab(spec.type)}`;
    const uid = `process-table-function_${spec.uidArgument}`;
    if (this.#nodes.every((node) => node.uid !== uid)) return uid;
    throw planErrors.WINDOW_PLAN({
      message: `Duplicate unique identifier '${spec.uidArgument}' detected among PTFs. Make sure that all PTF calls have an identifier defined that is globally unique.`,
      remedy:
        "Please provide a custom identifier using the implicit `uid` argument. For example: myFunction(..., uid => 'my-id').",
    });
  }

  #inputChanges(node: PhysNode) {
    return node.inputs.map(({ node: input }, i) => ({
      kinds: input.kinds,
      both: this.#kinds.wanted(node, i) === "both",
      keyOnlyDeletes: this.#deletes.byKey(input),
    }));
  }

  #inputId(node: PhysNode, index: number): number {
    const input = node.inputs[index]!.node;
    const id = this.#ids.get(input)!;
    const emits = this.#kinds.of(input);
    const wants = this.#kinds.wanted(node, index);
    if ((input.kinds & UPDATE) === 0) return id;
    if (emits === "after" && wants === "both" && input.spec.type === "ProcessTableFunction")
      return this.#normalised(input, id);
    if (emits === "after" || wants === "both") return id;
    if (node.spec.type === "Sink" && node.spec.sinkChangelogMode === "retract") return id;
    let dropped = this.#dropped.get(input);
    if (dropped === undefined) {
      dropped = this.#push(input, {
        spec: { type: "DropUpdateBefore" },
        inputs: [{ node: id, distribution: { kind: "forward" } }],
        mode: "upsert",
        changes: this.#changes(input, false).changes,
      });
      this.#dropped.set(input, dropped);
    }
    return dropped;
  }

  /** A function's upserts with their -U, for readers that need it. */
  #normalised(input: PhysNode, id: number): number {
    const known = this.#normals.get(input);
    if (known !== undefined) return known;
    const keys = input.upsertKeys[0]!;
    const made = this.#push(input, {
      spec: { type: "ChangelogNormalize", uniqueKey: keys, generateUpdateBefore: true },
      inputs: [{ node: id, distribution: { kind: "hash", keys } }],
      mode: "retract",
      changes: "I,UB,UA,D",
    });
    this.#normals.set(input, made);
    return made;
  }

  #changes(
    node: PhysNode,
    before = this.#kinds.of(node) === "both",
  ): { readonly mode: ChangelogMode; readonly changes: string } {
    const { kinds } = node;
    const updates = (kinds & UPDATE) !== 0;
    const letters = [
      (kinds & INSERT) === 0 ? [] : "I",
      updates ? (before ? ["UB", "UA"] : "UA") : [],
      (kinds & DELETE) === 0 ? [] : this.#deletes.byKey(node) ? "PD" : "D",
    ];
    const mode = kinds === INSERT ? "insert-only" : updates && !before ? "upsert" : "retract";
    return { mode, changes: letters.flat().join(",") };
  }

  #defaultTtl(spec: PhysNode["spec"]): number | undefined {
    const keeps = STATEFUL.has(spec.type) || ("keepBy" in spec && spec.keepBy !== undefined);
    return keeps ? this.#options.stateTtlMs : undefined;
  }
}

const STATEFUL = new Set<string>([
  "GroupAggregate",
  "Join",
  "MultiJoin",
  "Rank",
  "Deduplicate",
  "ChangelogNormalize",
  "SortLimit",
  "Limit",
  "OverAggregate",
  "TemporalJoin",
  "Sink",
  "ProcessTableFunction",
]);
