/**
 * Mini-batches as Flink's options ask for them: rows are held back until so many are there, a MiniBatchAssigner's watermark
 * comes, or a barrier. Without latency and size a batch of the engine is the mini-batch.
 */
import type { OperatorContext } from "../../contract/operator.ts";

/** Rows held back at most, whatever the options say: more are processed early. */
export const MAX_BUNDLE_ROWS = 262_144;

/** `table.exec.mini-batch.size`; undefined when mini-batches are off or not fully described. */
export function miniBatchSize({ config, mode }: OperatorContext): number | undefined {
  if (mode === "batch" || config["table.exec.mini-batch.enabled"] !== "true") return undefined;
  if (config["table.exec.mini-batch.allow-latency"] === undefined) return undefined;
  const size = Number(config["table.exec.mini-batch.size"] ?? -1);
  return size > 0 ? size : undefined;
}
