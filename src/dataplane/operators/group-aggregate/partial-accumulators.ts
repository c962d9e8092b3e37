/** What both halves of a two-phase aggregation share: key codec, generated code over the rows before the first half. */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { GroupAggregateNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledAccumulate, compileAccumulate } from "../../codegen/aggregates/accumulate.ts";
import { hashDistance } from "../../codegen/aggregates/group-aggregate.ts";
import { type BatchBuilder, compileBatchBuilder } from "../../codegen/codecs/batch-builder.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";

export interface PartialAccumulators {
  readonly keys: KeyCodec;
  readonly keyBuilder: BatchBuilder;
  readonly compiled: CompiledAccumulate;
}

/** `keySchema` has the key fields, `rows` is what the aggregates' arguments refer to. */
export function compilePartial(
  context: OperatorContext,
  node: GroupAggregateNode,
  keySchema: Schema,
  rows: Schema,
): PartialAccumulators {
  const { runtime } = context;
  const operator = node.description;
  const keys = compileKeyCodec({ schema: keySchema, fields: node.grouping, runtime, operator });
  return {
    keys,
    keyBuilder: compileBatchBuilder({ output: keys.schema, runtime, operator }),
    compiled: compileAccumulate(
      {
        input: rows,
        aggregates: node.aggregates,
        hashDistance: hashDistance(keys.keyBytes),
        // Without aggregates (DISTINCT) the plan does not say whether rows are taken back.
        retract: node.aggregates.length === 0 || node.aggregates.some(({ retract }) => retract),
      },
      { runtime, environment: functionEnvironment(context), operator },
    ),
  };
}
