/**
 * namedSpec: what an operator of a plan is (OperatorRecord.spec), with its fields by what they are computed of in place of
 * their numbers: a column that comes or goes in front of them changes the numbers only.
 *
 * Limits:  fields within expressions stay numbers.
 */
import type { OperatorRecord } from "./operator-record.ts";

/** Input that the fields under a key are of; 0 for all others. */
const SECOND_INPUT: ReadonlySet<string> = new Set(["right", "rightKeys", "rightTime"]);
/** One item an input: what is under it is of that one. */
const BY_INPUT: ReadonlySet<string> = new Set(["keys", "sides"]);
const FIELD_LISTS: ReadonlySet<string> = new Set([
  "keys",
  "leftKeys",
  "partitionKeys",
  "primaryKey",
  "rightKeys",
  "uniqueKey",
]);
const WITH_INDEX: ReadonlySet<string> = new Set(["leftTime", "rightTime", "sort", "time"]);

export function namedSpec(
  spec: string,
  inputs: OperatorRecord["inputs"],
): Readonly<Record<string, unknown>> {
  const nameOf = (number: unknown, input: number): unknown => {
    const field = typeof number === "number" ? inputs?.[input]?.[number] : undefined;
    return field === undefined ? number : field.lineage || field.name;
  };
  const named = (value: unknown, key: string, input: number): unknown => {
    const side = SECOND_INPUT.has(key) ? 1 : input;
    if (Array.isArray(value)) {
      return value.map((item: unknown, at) => {
        if (BY_INPUT.has(key) && typeof item === "object") return named(item, key, at);
        return FIELD_LISTS.has(key) ? nameOf(item, side) : named(item, key, side);
      });
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]: [string, unknown]) => [
        name,
        name === "index" && WITH_INDEX.has(key) ? nameOf(item, side) : named(item, name, side),
      ]),
    );
  };
  return named(JSON.parse(spec), "", 0) as Readonly<Record<string, unknown>>;
}
