/**
 * GroupedKeys: a key codec whose hashes lie in the key group of some of its fields: rows were sent
 *              here by those fields, and state
 * must live in the key groups of its subtask, though it is kept by more (the window, for one).
 */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import { BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";

export function compileGroupedKeys(options: {
  readonly context: OperatorContext;
  readonly schema: Schema;
  readonly fields: readonly number[];
  /** Those by which rows are distributed; equal to `fields` or absent: nothing to do. */
  readonly groupFields: readonly number[] | undefined;
  readonly operator: string;
}): KeyCodec {
  const { context, schema, fields, groupFields, operator } = options;
  const { runtime } = context;
  const keys = compileKeyCodec({ schema, fields, runtime, operator });
  const isSame =
    groupFields?.length === fields.length && groupFields.every((f, i) => f === fields[i]);
  if (groupFields === undefined || isSame) return keys;
  const groups = compileKeyCodec({ schema, fields: groupFields, runtime, operator });
  const { kernels, memory } = runtime;
  const { maxParallelism } = context.state;
  return {
    ...keys,
    encode: (batch) => {
      const encoded = keys.encode(batch);
      const ofGroups = groups.encode(batch).hashes;
      const rows = new DataView(memory.buffer).getUint32(batch + BATCH_ROWS, true);
      kernels.hashWithinGroups(rows, ofGroups, encoded.hashes, maxParallelism);
      return encoded;
    },
  };
}
