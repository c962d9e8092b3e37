/**
 * EXPLAIN in Flink's form: the logical plan, the optimized physical plan, the execution plan; details on request.
 *
 *   == Abstract Syntax Tree ==      as validated
 *   == Optimized Physical Plan ==   prefix expressions, exchanges drawn
 *   == Optimized Execution Plan ==  infix expressions, shared sub-plans named once (reuse_id)
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { PhysSpec } from "../exec/phys-node.ts";
import type { ExplainDetail } from "../parser/ast.ts";
import type { PlannedStatement } from "../script/statement-planner.ts";
import { planFindings } from "../script/warnings.ts";
import { costText, estimatedCosts, type NodeCost } from "./estimated-cost.ts";
import type { TextStyle } from "./expression-text.ts";
import { relText } from "./rel-text.ts";
import { describeNode } from "./node-text.ts";

export function explainText(
  planned: PlannedStatement,
  details: readonly ExplainDetail[],
  options: { readonly collect: boolean },
): string {
  const { plan, logical } = planned;
  const changes = details.includes("CHANGELOG_MODE");
  const costs = details.includes("ESTIMATED_COST")
    ? estimatedCosts(plan, planned.statistics)
    : undefined;
  const advised = details.includes("PLAN_ADVICE");
  const advice = advised ? adviceOf(plan) : [];
  const tree = logical
    .map((rel) => relText(rel.kind === "sink" && options.collect ? rel.input : rel))
    .join("\n\n");
  const sections = [
    `== Abstract Syntax Tree ==\n${tree}\n`,
    `== Optimized Physical Plan${advised ? " With Advice" : ""} ==\n${planText(plan, { ...options, style: "prefix", changes, costs })}\n${advised ? adviceText(advice) : ""}`,
    `== Optimized Execution Plan ==\n${planText(plan, { ...options, style: "infix", changes: false })}\n`,
  ];
  if (details.includes("JSON_EXECUTION_PLAN"))
    sections.push(`== Physical Execution Plan ==\n${JSON.stringify(jsonPlan(plan), null, 2)}\n`);
  return sections.join("\n");
}

/** What a plan in streaming mode could do better, and what can go wrong with it. */
function adviceOf(plan: ExecPlan): string[] {
  if (plan.mode === "batch") return [];
  const aggregates = plan.nodes.some(({ type }) => type === "GroupAggregate");
  const folds = plan.config["table.exec.mini-batch.enabled"] !== "false";
  const twoPhase =
    "[ADVICE] You might want to enable local-global two-phase optimization by configuring ('table.exec.mini-batch.enabled' to 'true').";
  return [
    ...(aggregates && !folds ? [twoPhase] : []),
    ...planFindings(plan).map(({ message, hint }) => `[WARNING] ${message}. ${hint}`),
  ];
}

function adviceText(advice: readonly string[]): string {
  if (advice.length === 0) return "\nNo available advice...\n";
  return `\n${advice.map((text, i) => `advice[${i + 1}]: ${text}`).join("\n")}\n`;
}

export interface PlanTextOptions {
  readonly style: TextStyle;
  readonly changes: boolean;
  /** Printed behind every node. */
  readonly costs?: ReadonlyMap<number, NodeCost> | undefined;
  /** Leave out the sink that a SELECT is planned with. */
  readonly collect: boolean;
}

/** The plan as trees, one per sink. */
export function planText(plan: ExecPlan, options: PlanTextOptions): string {
  const printer = new Printer(plan, options);
  const readers = new Set(plan.nodes.flatMap((node) => node.inputs.map((input) => input.node)));
  const roots = plan.nodes.filter((node) => !readers.has(node.id));
  const trees = roots.flatMap((root) => {
    if (!options.collect || root.type !== "Sink") return [root.id];
    return root.inputs.map((input) => input.node);
  });
  return trees.map((id) => printer.tree(id)).join("\n\n");
}

class Printer {
  readonly #plan: ExecPlan;
  readonly #options: PlanTextOptions;
  readonly #readers = new Map<number, number>();
  readonly #references = new Map<number, number>();

  constructor(plan: ExecPlan, options: PlanTextOptions) {
    this.#plan = plan;
    this.#options = options;
    for (const node of plan.nodes)
      for (const input of node.inputs)
        this.#readers.set(input.node, (this.#readers.get(input.node) ?? 0) + 1);
  }

  tree(root: number): string {
    const lines: string[] = [];
    this.#print(root, "", "", lines);
    return lines.join("\n");
  }

  #print(id: number, first: string, rest: string, lines: string[]): void {
    const node = this.#plan.nodes[id - 1]!;
    const known = this.#references.get(id);
    if (known !== undefined) {
      lines.push(`${first}Reused(reference_id=[${known}])`);
      return;
    }
    let mark = "";
    const reused = this.#options.style === "infix" && (this.#readers.get(id) ?? 0) > 1;
    if (reused) {
      const reference = this.#references.size + 1;
      this.#references.set(id, reference);
      mark = `(reuse_id=[${reference}])`;
    }
    lines.push(`${first}${this.#text(node)}${mark}`);
    node.inputs.forEach((input, i) => {
      const last = i === node.inputs.length - 1;
      const branch = last ? "+- " : ":- ";
      const deeper = last ? "   " : ":  ";
      const exchange = this.#exchange(node, i);
      if (exchange === undefined)
        this.#print(input.node, `${rest}${branch}`, `${rest}${deeper}`, lines);
      else {
        lines.push(`${rest}${branch}${exchange}`);
        this.#print(input.node, `${rest}${deeper}+- `, `${rest}${deeper}   `, lines);
      }
    });
  }

  #text(node: ExecNode): string {
    const inputs = node.inputs.map((input) => this.#plan.nodes[input.node - 1]!.output);
    const cost = this.#options.costs?.get(node.id);
    return this.#described(node, inputs) + (cost === undefined ? "" : costText(cost));
  }

  #described(node: ExecNode, inputs: readonly Schema[]): string {
    const text = describeNode(node as PhysSpec, inputs, node.output, this.#options.style);
    if (!this.#options.changes) return text;
    return `${text.slice(0, -1)}${text.endsWith("()") ? "" : ", "}changelogMode=[${changesText(node)}])`;
  }

  #exchange(node: ExecNode, index: number): string | undefined {
    const { distribution, node: id } = node.inputs[index]!;
    const { fields } = this.#plan.nodes[id - 1]!.output;
    const changes = this.#options.changes
      ? `, changelogMode=[${changesText(this.#plan.nodes[id - 1]!)}]`
      : "";
    switch (distribution.kind) {
      case "hash": {
        const keys = distribution.keys.map((key) => fields[key]!.name).join(", ");
        return `Exchange(distribution=[hash[${keys}]]${changes})`;
      }
      case "singleton":
        return `Exchange(distribution=[single]${changes})`;
      case "broadcast":
        return `Exchange(distribution=[broadcast]${changes})`;
      default:
        return undefined;
    }
  }
}

export function changesText(node: ExecNode): string {
  if (node.type === "Sink") return "NONE";
  if (node.changelogMode === "insert-only") return "I";
  return node.changes ?? (node.changelogMode === "retract" ? "I,UB,UA,D" : "I,UA,D");
}

function jsonPlan(plan: ExecPlan): object {
  return {
    nodes: plan.nodes.map((node) => ({
      id: node.id,
      type: node.description,
      pact:
        node.inputs.length === 0 ? "Data Source" : node.type === "Sink" ? "Data Sink" : "Operator",
      contents: node.description,
      predecessors: node.inputs.map((input) => ({
        id: input.node,
        ship_strategy: input.distribution.kind.toUpperCase(),
      })),
    })),
  };
}
