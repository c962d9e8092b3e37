/**
 * KeyedLookupJoin: LookupJoin over a table that is asked by key (`lookup.cache` = NONE or PARTIAL), many keys at once.
 *
 * Flow:    as async-correlate: rows wait in state for what the table answers to their keys.
 * Options: of the LOOKUP hint, else table.exec.async-lookup.*. Answers pass each other only if the hint or the option allows it
 *          and the input only inserts. A hint's retries ask again for keys without rows.
 * Kept:    with keepBy, under TRY_RESOLVE, a row is taken back with what it was given.
 * Source:  Flink StreamExecLookupJoin, KeyedLookupJoinWrapper, AsyncLookupJoinRunner, RetryableAsyncLookupFunctionDelegator.
 */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { AsyncAsking } from "../../../foundation/plan/async-request.ts";
import type { LookupJoinNode } from "../../../foundation/plan/exec-node.ts";
import { type LookupOptions, lookupScanOf } from "../../contract/lookup.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { AsyncCorrelateOperator } from "../async-correlate/async-correlate.ts";
import type { Asker } from "../async-correlate/async-requests.ts";
import { lookupAsker } from "./keyed-lookup.ts";
import { ScanLookup } from "./scan-lookup.ts";

export function keyedLookupJoin(
  node: LookupJoinNode,
  options: LookupOptions,
  context: OperatorContext,
): AsyncCorrelateOperator {
  const { fields } = lookupScanOf(node).output;
  const { joinType, condition, lookupKeys, description, table, projection } = node;
  const { keepBy, keepsEqual, stateTtlMs } = node;
  const keys = lookupKeys.map(({ field }) => projection.findIndex(([at]) => at === field));
  return new AsyncCorrelateOperator(
    {
      joinType,
      description,
      args: lookupKeys.map(({ value }) => value),
      fields: fields.map((field) => ({
        ...field,
        type: withNullable(field.type, joinType === "LEFT" || field.type.nullable),
      })),
      ...(condition === undefined ? {} : { condition }),
      ...(keepBy === undefined ? {} : { keepBy }),
      ...(keepsEqual === undefined ? {} : { keepsEqual }),
      ...(stateTtlMs === undefined ? {} : { stateTtlMs }),
      asking: askingOf(node, context.config),
    },
    context,
    () => askerOf(node, { name: `table ${table.name}`, keys, options }, context),
  );
}

function askerOf(
  node: LookupJoinNode,
  asked: {
    readonly name: string;
    readonly keys: readonly number[];
    readonly options: LookupOptions;
  },
  context: OperatorContext,
): Asker {
  const { name, keys, options } = asked;
  const own = context.openLookup?.(node);
  const scanNode = lookupScanOf(node);
  const scan = own === undefined ? context.scanTable?.(scanNode) : undefined;
  const { runtime } = context;
  const read = scan && new ScanLookup({ runtime, scan, schema: scanNode.output, keys });
  const lookup = own ?? read;
  if (lookup === undefined)
    throw baseErrors.UNSUPPORTED({
      what: "a lookup join without connectors",
      remedy: "Run it in a job.",
    });
  return lookupAsker(name, lookup, { cache: options.partial, context });
}

/** A synchronous lookup of Flink is one at a time; several in order give the same rows. */
function askingOf(
  { async, retry, inputInserts }: LookupJoinNode,
  config: Readonly<Record<string, string>>,
): AsyncAsking {
  const key = (name: string) => `table.exec.async-lookup.${name}`;
  const mode = (config[key("output-mode")] ?? "ORDERED").toUpperCase();
  const capacity = Number(config[key("buffer-capacity")] ?? 100);
  const timeoutMs = parseDuration(config[key("timeout")] ?? "3 min");
  const wrong = (name: string, expected: string) =>
    baseErrors.OPTION_INVALID({ key: key(name), value: config[key(name)] ?? "", expected });
  if (mode !== "ORDERED" && mode !== "ALLOW_UNORDERED")
    throw wrong("output-mode", "ORDERED or ALLOW_UNORDERED");
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw wrong("buffer-capacity", "a positive integer");
  if (timeoutMs === undefined) throw wrong("timeout", "a duration such as 3 min");
  return {
    capacity: async?.capacity ?? capacity,
    timeoutMs: async?.timeoutMs ?? timeoutMs,
    unordered: inputInserts === true && (async?.unordered ?? mode === "ALLOW_UNORDERED"),
    // The hint counts what comes behind the first request.
    ...(retry === undefined
      ? {}
      : { retry: { delayMs: retry.delayMs, attempts: 1 + retry.attempts, onEmpty: true } }),
  };
}
