/** The fields that all ExecNodes share, for nodes written in tests. */
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { LogicalType } from "../../src/foundation/columnar/logical-type.ts";
import type { ChangelogMode } from "../../src/foundation/plan/exec-node.ts";

export function schemaOf(fields: Readonly<Record<string, LogicalType>>): Schema {
  return { fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

export function nodeBase(
  output: Schema,
  options: {
    readonly inputs?: number;
    readonly changelogMode?: ChangelogMode;
    readonly stateTtlMs?: number;
  } = {},
) {
  return {
    id: 1,
    uid: "1_test",
    inputs: Array.from({ length: options.inputs ?? 1 }, (_, index) => ({
      node: 10 + index,
      distribution: { kind: "forward" } as const,
    })),
    output,
    changelogMode: options.changelogMode ?? ("retract" as const),
    upsertKeys: [],
    description: "Test",
    ...(options.stateTtlMs === undefined ? {} : { stateTtlMs: options.stateTtlMs }),
  };
}
