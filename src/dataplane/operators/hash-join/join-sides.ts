/**
 * What joins of bounded inputs have in common: the two sides' keys and rows as bytes, which rows of which side are emitted, and
 * the batches that are put together of both.
 *
 * Flow:    hash-join.ts, sort-merge-join/merge-join.ts → here → output.
 */
import { BATCH_ROWS, type BatchPtr } from "../../../foundation/columnar/batch.ts";
import { PHYSICAL_WIDTH, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { JoinNode } from "../../../foundation/plan/exec-node.ts";
import { agreeing, joinKeyNullability } from "../../../foundation/plan/join-keys.ts";
import { compileKeyCodec, type KeyCodec } from "../../codegen/codecs/key-codec.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { filteringColumns, withNullableFields } from "../join/join-keys.ts";
import { assembleBatch, type ColumnFrom, columnsOf } from "../rows/assembled-batch.ts";
import { RowFormat } from "../rows/row-format.ts";
import { PairCondition } from "./pair-condition.ts";

export interface JoinSide {
  readonly schema: Schema;
  readonly keys: KeyCodec;
  readonly format: RowFormat;
  /** u8 a physical column. */
  readonly widths: number;
  /** u32 columns whose NULLs match nothing. */
  readonly nullColumns: number;
  readonly nullCount: number;
}

type Emitted = "matched" | "unmatched" | undefined;

export interface JoinRules {
  /** Rows of one side by themselves: with NULLs for the other, or alone (SEMI, ANTI). */
  readonly emitsProbe: Emitted;
  readonly emitsBuild: Emitted;
  readonly emitsPairs: boolean;
  /** The output has the left side's fields only. */
  readonly onlyLeft: boolean;
}

export class JoinSides {
  /** By input. */
  readonly sides: readonly [JoinSide, JoinSide];
  /** Of the side that builds, or is read again and again. */
  readonly build: 0 | 1;
  readonly rules: JoinRules;
  readonly condition: PairCondition | undefined;
  readonly #context: OperatorContext;

  constructor(node: JoinNode, context: OperatorContext) {
    const { condition, description: operator } = node;
    const [left, right] = context.inputs as readonly [Schema, Schema];
    this.#context = context;
    this.build = node.build === "left" ? 0 : 1;
    this.rules = joinRules(node);
    this.sides = [createSide(node, context, 0), createSide(node, context, 1)];
    this.condition =
      condition === undefined
        ? undefined
        : new PairCondition({ context, left, right, condition, operator });
  }

  get buildSide(): JoinSide {
    return this.sides[this.build];
  }

  get probeSide(): JoinSide {
    return this.sides[1 - this.build]!;
  }

  rowsOf(batch: BatchPtr): number {
    return new DataView(this.#context.runtime.memory.buffer).getUint32(batch + BATCH_ROWS, true);
  }

  /** u8[rows], 1 = a NULL keeps the row from matching; 0 when there is none. */
  unmatchable(side: JoinSide, batch: BatchPtr, rows: number): number {
    if (side.nullCount === 0) return 0;
    const { kernels } = this.#context.runtime;
    const marks = kernels.arenaAlloc(rows) >>> 0;
    return kernels.rowsAnyNull(batch, side.nullColumns, side.nullCount, marks) === 0 ? 0 : marks;
  }

  decode({ format }: JoinSide, rows: number, count: number): BatchPtr {
    const { kernels } = this.#context.runtime;
    const batch = kernels.batchCreate(count, format.columns, 0) >>> 0;
    format.decode(rows, count, batch, 0);
    return batch;
  }

  gather(side: JoinSide, batch: BatchPtr, n: number, list: number): BatchPtr {
    return this.#context.runtime.kernels.batchGather(batch, side.widths, n, list, 0) >>> 0;
  }

  emitPairs(n: number, probe: BatchPtr, build: BatchPtr): void {
    const columns: ColumnFrom[] = [probe, build].flatMap((batch, index) => {
      const side = index === 0 ? this.probeSide : this.buildSide;
      return columnsOf(batch, 0, side.format.columns);
    });
    const probeColumns = this.probeSide.format.columns;
    const ordered =
      this.build === 0
        ? [...columns.slice(probeColumns), ...columns.slice(0, probeColumns)]
        : columns;
    this.#context.output.emit(assembleBatch(this.#context.runtime, n, ordered));
  }

  /** Rows of one input by themselves. */
  emitAlone(input: number, n: number, batch: BatchPtr): void {
    const { runtime, output } = this.#context;
    if (this.rules.onlyLeft) {
      output.emit(batch);
      return;
    }
    const nulls = runtime.kernels.arenaAlloc(n * 4) >>> 0;
    new Uint8Array(runtime.memory.buffer, nulls, n * 4).fill(0);
    const other = this.decode(this.sides[1 - input]!, nulls, n);
    if (input === this.build) this.emitPairs(n, other, batch);
    else this.emitPairs(n, batch, other);
  }

  close(): void {
    const { kernels } = this.#context.runtime;
    for (const side of this.sides) {
      side.format.close();
      kernels.operatorFree(side.widths, Math.max(1, side.format.columns));
      kernels.operatorFree(side.nullColumns, Math.max(4, side.nullCount * 4));
    }
  }
}

function createSide(node: JoinNode, context: OperatorContext, input: 0 | 1): JoinSide {
  const { runtime } = context;
  const { kernels, memory } = runtime;
  const [left, right] = context.inputs as readonly [Schema, Schema];
  const schema = input === 0 ? left : right;
  const fields = input === 0 ? node.leftKeys : node.rightKeys;
  const keySchema = withNullableFields(schema, fields, comparedNulls(node, left, right));
  const operator = node.description;
  const format = new RowFormat(runtime, schema, operator);
  const nulls = filteringColumns(schema, fields, node.filterNulls);
  const widths = kernels.operatorAllocate(Math.max(1, format.columns)) >>> 0;
  const nullColumns = kernels.operatorAllocate(Math.max(4, nulls.length * 4)) >>> 0;
  const bytes = physicalColumns(schema).map(({ physical }) => PHYSICAL_WIDTH[physical]);
  new Uint8Array(memory.buffer).set(bytes, widths);
  new Uint32Array(memory.buffer, nullColumns).set(nulls);
  return {
    schema,
    keys: compileKeyCodec({ schema: keySchema, fields, runtime, operator }),
    format,
    widths,
    nullColumns,
    nullCount: nulls.length,
  };
}

/**
 * By key: whether its NULLs must be told apart from values. Those that match nothing are left out before keys are compared:
 * keys of fixed width are shorter without a place for them. A text that is NULL may point anywhere, so it keeps its place.
 */
function comparedNulls(node: JoinNode, left: Schema, right: Schema): boolean[] {
  const compared = joinKeyNullability(node, left, right).map((nullable, index) => {
    const physical = physicalOf(left.fields[node.leftKeys[index]!]!.type);
    const isFixed = physical !== "view" && physical !== "row";
    return nullable && !(isFixed && node.filterNulls[index] !== false);
  });
  return agreeing(node, compared);
}

function joinRules({ joinType, build }: JoinNode): JoinRules {
  const onlyLeft = joinType === "SEMI" || joinType === "ANTI";
  const left: Emitted =
    joinType === "SEMI"
      ? "matched"
      : joinType === "ANTI" || joinType === "LEFT" || joinType === "FULL"
        ? "unmatched"
        : undefined;
  const right: Emitted = joinType === "RIGHT" || joinType === "FULL" ? "unmatched" : undefined;
  return {
    emitsProbe: build === "left" ? right : left,
    emitsBuild: build === "left" ? left : right,
    emitsPairs: !onlyLeft,
    onlyLeft,
  };
}
