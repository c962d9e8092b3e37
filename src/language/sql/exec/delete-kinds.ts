/**
 * The third pass of changelog inference: whose deletions may hold the key alone, and which ChangelogNormalize is then
 * nothing that anyone needs.
 *
 * Flow:    changelog.ts has decided update kinds; here requirements go from the sinks down; exec-plan-builder asks.
 * Rules:   a source that sends upserts is normalised for readers that need -U, whole deletions (when the source sends the
 *          key alone), or a filter within; when all of its readers do without, it is read as it is.
 *          Deletions by key pass Calcs that filter by keys only, unions, and inner joins on keys of both sides.
 * Source:  Flink SatisfyDeleteKindTraitVisitor, ChangelogNormalizeRequirementResolver.
 */
import { inputRefs } from "../../../foundation/plan/expression.ts";
import type { UpdateKinds } from "./changelog.ts";
import { DELETE, type PhysNode } from "./phys-node.ts";

export class DeleteKinds {
  readonly #kinds: UpdateKinds;
  readonly #needsWhole = new Set<PhysNode>();
  readonly #readByFunctions = new Set<PhysNode>();
  readonly #readByOthers = new Set<PhysNode>();
  readonly #keyOnly = new Map<PhysNode, boolean>();

  /** `nodes` in topological order, inputs first. */
  constructor(nodes: readonly PhysNode[], kinds: UpdateKinds) {
    this.#kinds = kinds;
    for (const node of [...nodes].reverse())
      node.inputs.forEach(({ node: input }, i) => {
        if (this.#wantsWhole(node, i)) this.#needsWhole.add(input);
        const readers =
          node.spec.type === "ProcessTableFunction" ? this.#readByFunctions : this.#readByOthers;
        readers.add(input);
      });
  }

  /** Whether deletions of the node hold its key alone. */
  byKey(node: PhysNode): boolean {
    let known = this.#keyOnly.get(node);
    if (known === undefined) {
      known = (node.kinds & DELETE) !== 0 && this.#computeByKey(node);
      this.#keyOnly.set(node, known);
    }
    return known;
  }

  /** A ChangelogNormalize that its readers do without. */
  isNeedless(node: PhysNode): boolean {
    const { spec } = node;
    if (spec.type !== "ChangelogNormalize" || spec.condition !== undefined) return false;
    const { node: input } = node.inputs[0]!;
    if (this.#kinds.of(input) !== "after" || this.#kinds.of(node) !== "after") return false;
    if (!this.#readByOthers.has(node) && !this.#readByFunctions.has(node)) return false;
    if (!this.byKey(input)) return true;
    return !this.#needsWhole.has(node) && (this.#mayBeNull(node) || !this.#readByOthers.has(node));
  }

  /** Columns beside the key are NULL in a deletion by key: operators must expect that, functions of the user do. */
  #mayBeNull(node: PhysNode): boolean {
    const key = node.spec.type === "ChangelogNormalize" ? node.spec.uniqueKey : [];
    return node.schema.fields.every(({ type }, i) => type.nullable || key.includes(i));
  }

  #computeByKey(node: PhysNode): boolean {
    const { spec, inputs } = node;
    switch (spec.type) {
      case "TableSourceScan":
        return node.keyOnlyDeletes === true;
      case "ChangelogNormalize":
        return this.isNeedless(node) && this.byKey(inputs[0]!.node);
      case "ProcessTableFunction":
        return node.upsertSource === true && !this.#needsWhole.has(node);
      case "Calc":
      case "WatermarkAssigner":
      case "Union":
      case "DropUpdateBefore":
      case "Join":
        return inputs.some((edge) => this.byKey(edge.node));
      default:
        return false;
    }
  }

  #wantsWhole(node: PhysNode, index: number): boolean {
    const { spec } = node;
    switch (spec.type) {
      case "Sink":
        return node.keyOnlyDeletes !== true || spec.upsertMaterialize;
      case "Calc":
        return this.#needsWhole.has(node) || filtersByOther(node);
      case "WatermarkAssigner":
      case "Union":
      case "DropUpdateBefore":
        return this.#needsWhole.has(node);
      case "ChangelogNormalize":
        return false;
      case "Join":
        return this.#needsWhole.has(node) || !joinsByKeys(node);
      case "ProcessTableFunction": {
        const { implementation } = spec;
        if (implementation.kind === "to-changelog")
          return implementation.fullDeletes && implementation.codes[3] !== null;
        if (implementation.kind !== "user") return true;
        return !implementation.upserts[index] || (implementation.wholeDeletes[index] ?? true);
      }
      default:
        return true;
    }
  }
}

function filtersByOther(node: PhysNode): boolean {
  if (node.spec.type !== "Calc" || node.spec.condition === undefined) return false;
  const used = inputRefs(node.spec.condition);
  const { upsertKeys } = node.inputs[0]!.node;
  return !upsertKeys.some((key) => [...used].every((index) => key.includes(index)));
}

function joinsByKeys({ spec }: PhysNode): boolean {
  return (
    spec.type === "Join" &&
    spec.joinType === "INNER" &&
    spec.condition === undefined &&
    spec.left.unique === "join-key-unique" &&
    spec.right.unique === "join-key-unique"
  );
}
