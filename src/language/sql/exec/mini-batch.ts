/**
 * Mini-batches: where a MiniBatchAssigner stands, and whether it goes by processing or event time.
 *
 * Place:   behind each WatermarkAssigner, and behind sources that have none.
 * Mode:    RowTime when anything in the query waits for watermarks, ProcTime otherwise.
 * Source:  Flink MiniBatchIntervalInferRule, FlinkMiniBatchIntervalTraitInitProgram.
 */
import type { MiniBatchAssignerNode } from "../../../foundation/plan/exec-node.ts";
import { children, type Expression } from "../../../foundation/plan/expression.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import type { PhysNode } from "./phys-node.ts";
import type { PlanOptions } from "./plan-options.ts";

export type MiniBatch = Pick<MiniBatchAssignerNode, "type" | "intervalMs" | "mode">;

/** What is put behind which nodes; undefined when mini-batches are off or have no latency and size. */
export function planMiniBatch(
  order: readonly PhysNode[],
  options: PlanOptions,
): { readonly spec: MiniBatch; readonly behind: ReadonlySet<PhysNode> } | undefined {
  if (options.mode !== "streaming" || !options.hasNode("MiniBatchAssigner")) return undefined;
  if (!hasMiniBatches(options)) return undefined;
  const intervalMs = parseDuration(options.option("table.exec.mini-batch.allow-latency") ?? "0");
  const size = Number(options.option("table.exec.mini-batch.size") ?? -1);
  if (intervalMs === undefined || intervalMs <= 0 || !(size > 0)) return undefined;
  const behind = new Set<PhysNode>();
  const below = new Set<PhysNode>();
  for (const node of [...order].reverse()) {
    const isAssigner = node.spec.type === "WatermarkAssigner";
    if (isAssigner || below.has(node)) for (const edge of node.inputs) below.add(edge.node);
    if (isAssigner || (node.spec.type === "TableSourceScan" && !below.has(node))) behind.add(node);
  }
  const mode = order.some(waitsForWatermarks) ? "RowTime" : "ProcTime";
  return { spec: { type: "MiniBatchAssigner", intervalMs, mode }, behind };
}

/** What the option says, whatever comes of it. */
export function hasMiniBatches(options: PlanOptions): boolean {
  return options.option("table.exec.mini-batch.enabled")?.toLowerCase() === "true";
}

/** Nodes that look at no watermark; every other one waits for them. */
const TIMELESS = new Set<PhysNode["spec"]["type"]>([
  "TableSourceScan",
  "Values",
  "WatermarkAssigner",
  "GroupAggregate",
  "Join",
  "MultiJoin",
  "Rank",
  "Union",
  "ChangelogNormalize",
  "DropUpdateBefore",
  "SortLimit",
  "Limit",
  "Expand",
  "LookupJoin",
  "Correlate",
  "AsyncCorrelate",
  "Sink",
]);

function waitsForWatermarks({ spec }: PhysNode): boolean {
  switch (spec.type) {
    case "Calc":
      return [...spec.projection, ...(spec.condition ? [spec.condition] : [])].some(asksWatermark);
    case "WindowTableFunction":
      return spec.window.kind === "SESSION" && spec.window.time.attribute === "ROWTIME";
    case "WindowAggregate":
    case "WindowRank":
    case "WindowDeduplicate":
      return spec.window.time.attribute === "ROWTIME";
    case "WindowJoin":
      return spec.attribute === "ROWTIME";
    case "OverAggregate":
    case "TemporalSort":
      return spec.time?.attribute === "ROWTIME";
    case "Deduplicate":
      return spec.time.attribute === "ROWTIME" && !spec.keepLast;
    case "IntervalJoin":
      return spec.leftTime.attribute === "ROWTIME";
    case "TemporalJoin":
      return spec.rightTime !== undefined;
    default:
      return !TIMELESS.has(spec.type);
  }
}

function asksWatermark(e: Expression): boolean {
  return (
    (e.kind === "call" && e.function === "CURRENT_WATERMARK") || children(e).some(asksWatermark)
  );
}
