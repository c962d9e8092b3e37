/**
 * Which keys of a join count as nullable: both sides encode and hash a key alike, so it does where either side's field may be
 * NULL. A field that stands in several keys is one field of its schema: those keys agree.
 */
import type { Schema } from "../columnar/schema.ts";

export interface JoinKeyPairs {
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
}

/**
 * By key.
 *
 * @example joinKeyNullability({ leftKeys: [0], rightKeys: [0] }, notNull, nullable) // [true]
 */
export function joinKeyNullability(pairs: JoinKeyPairs, left: Schema, right: Schema): boolean[] {
  return agreeing(
    pairs,
    pairs.leftKeys.map(
      (field, index) =>
        left.fields[field]!.type.nullable || right.fields[pairs.rightKeys[index]!]!.type.nullable,
    ),
  );
}

/** What holds for one key of a field holds for all of them. */
export function agreeing(
  { leftKeys, rightKeys }: JoinKeyPairs,
  flags: readonly boolean[],
): boolean[] {
  const agreed = [...flags];
  for (let changed = true; changed; ) {
    changed = false;
    for (const [i, flag] of agreed.entries()) {
      if (flag) continue;
      const shares = (_: boolean, j: number) =>
        leftKeys[i] === leftKeys[j] || rightKeys[i] === rightKeys[j];
      agreed[i] = agreed.filter(shares).includes(true);
      changed ||= agreed[i]!;
    }
  }
  return agreed;
}

/** By key of a multi-way join, of which each input has a field: as nullable as the most nullable of them. */
export function commonKeyNullability(
  keys: readonly (readonly number[])[],
  schemas: readonly Schema[],
): boolean[] {
  const flags = keys[0]!.map((_, at) =>
    keys.some((fields, input) => schemas[input]!.fields[fields[at]!]!.type.nullable),
  );
  for (let changed = true; changed; ) {
    changed = false;
    for (const fields of keys)
      fields.forEach((field, at) => {
        const shared = fields.some((other, i) => other === field && flags[i]);
        changed ||= shared && !flags[at];
        flags[at] ||= shared;
      });
  }
  return flags;
}
