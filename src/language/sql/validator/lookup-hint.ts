/**
 * The LOOKUP hint: how a lookup join asks its table.
 *
 * Errors:  MR2127 with Flink's messages.
 * Source:  Flink LookupJoinHintOptions, LookupJoinHintSpec.
 */
import { validateErrors } from "../errors.ts";
import type { HintNode } from "../parser/ast.ts";
import type { LookupHint } from "../rel/rel-node.ts";
import { parseDuration } from "../../../foundation/base/duration.ts";

const OPTIONS = [
  "table",
  "async",
  "output-mode",
  "capacity",
  "timeout",
  "retry-predicate",
  "retry-strategy",
  "fixed-delay",
  "max-attempts",
  "shuffle",
];
const RETRY = ["retry-predicate", "retry-strategy", "fixed-delay", "max-attempts"];
/** Flink's defaults: table.exec.async-lookup.timeout, -.buffer-capacity. */
const TIMEOUT_MS = 180_000;
const CAPACITY = 100;

export function readLookupHint(hint: HintNode): LookupHint {
  const fail = (message: string): never => {
    throw validateErrors.HINT_INVALID({ hint: "LOOKUP", message }, { at: hint.span });
  };
  if (hint.options.some(({ key }) => key === undefined))
    fail("Invalid list options in LOOKUP hint, only support key-value options.");
  const given = new Map(hint.options.map(({ key, value }) => [key!.toLowerCase(), value]));
  for (const key of given.keys())
    if (!OPTIONS.includes(key))
      fail(`unsupported option '${key}'; those there are: ${OPTIONS.join(", ")}`);
  const table = given.get("table") ?? fail("incomplete required option(s): 'table'");
  const flag = (key: string): boolean | undefined => {
    const text = given.get(key)?.toLowerCase();
    if (text !== undefined && text !== "true" && text !== "false")
      fail(`'${key}' must be true or false, but was '${text}'`);
    return text === undefined ? undefined : text === "true";
  };
  const positive = (key: string): number | undefined => {
    const text = given.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1)
      fail(`${key} value should be positive integer but was ${text}`);
    return value;
  };
  const duration = (key: string): number | undefined => {
    const text = given.get(key);
    if (text === undefined) return undefined;
    return parseDuration(text) ?? fail(`'${key}' = '${text}' is no duration`);
  };
  const word = (key: string, known: readonly string[]): string | undefined => {
    const text = given.get(key)?.toLowerCase();
    if (text !== undefined && !known.includes(text))
      fail(`unsupported ${key} '${text}', only '${known.join("', '")}' is supported currently`);
    return text;
  };
  const retries = RETRY.filter((key) => given.has(key)).length;
  if (retries > 0 && retries < RETRY.length) fail("retry options can be both null or all not null");
  word("retry-predicate", ["lookup_miss"]);
  word("retry-strategy", ["fixed_delay"]);
  const delayMs = duration("fixed-delay");
  const attempts = positive("max-attempts");
  const unordered = word("output-mode", ["ordered", "allow_unordered"]) === "allow_unordered";
  const capacity = positive("capacity") ?? CAPACITY;
  const timeoutMs = duration("timeout") ?? TIMEOUT_MS;
  const asynchronous = flag("async");
  return {
    table,
    ...(asynchronous === undefined ? {} : { async: asynchronous }),
    unordered,
    capacity,
    timeoutMs,
    shuffle: flag("shuffle") ?? false,
    ...(retries === 0 ? {} : { retry: { delayMs: delayMs!, attempts: attempts! } }),
  };
}
