/**
 * MultiJoinSteps: the rows of a batch meet one input after another: tuples of rows grow, fall out, or are padded with NULLs.
 *
 * Flow:    MultiJoinOperator → here → kernels/multi-join.as.ts → batches of results.
 * Pieces:  what an input gives for some tuples goes through all inputs behind it before the next piece is collected, so that
 *          there are never more than a few thousand tuples an input.
 */
import { MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { physicalColumns } from "../../../foundation/columnar/schema.ts";
import type { MultiJoinNode } from "../../../foundation/plan/exec-node.ts";
import { call as callOf, type Expression } from "../../../foundation/plan/expression.ts";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { type Mask, NO_MASK } from "../join/join-condition.ts";
import type { JoinSide } from "../join/join-side.ts";
import { conditionParts, firstFields, TupleCondition } from "./tuple-condition.ts";

export interface JoinedBatch {
  readonly input: number;
  readonly rows: number;
  /** u8[rows], 0 = all +I. */
  readonly kinds: number;
  readonly hashes: number;
  /** u64[rows]: where its rows are. */
  readonly views: number;
  /** By input u32[rows]: the entry of each row's key, 0 = none. */
  readonly entries: readonly number[];
  /** Seconds, by which rows expire. */
  readonly now: number;
  /** The call struct of joinKeep. */
  readonly keep: number;
}

/** Words of a step's call struct that stay (kernels/multi-join.as.ts); cursors and tuples are behind them. */
const CALL_BYTES = 88;
const CALL_LEFT = 20;
const CALL_ROOM = 80;
/** Candidates a piece: of those that are only looked through for one that matches, few at first. */
const PIECE = 4096;
const FIRST_PIECE = 64;

interface Step {
  readonly isLeft: boolean;
  readonly needs: number;
  readonly needCount: number;
  readonly condition: TupleCondition | undefined;
}

export class MultiJoinSteps {
  readonly #context: OperatorContext;
  readonly #sides: readonly JoinSide[];
  readonly #steps: readonly Step[];
  readonly #columns: number;
  /** One call struct an input, and one for what comes out. */
  #calls: number;
  /** Inputs that every result has a row of. */
  readonly #inner: readonly number[];
  readonly #needs: number;

  constructor(node: MultiJoinNode, context: OperatorContext, sides: readonly JoinSide[]) {
    this.#context = context;
    this.#sides = sides;
    this.#columns = physicalColumns(node.output).length;
    const { kernels } = context.runtime;
    this.#calls = kernels.operatorAllocate(this.#callBytes()) >>> 0;
    this.#needs = kernels.operatorAllocate(this.#needBytes()) >>> 0;
    this.#steps = sides.map((_, input) => this.#createStep(node, input));
    this.#inner = this.#steps.flatMap(({ isLeft }, input) => (isLeft ? [] : [input]));
  }

  join(batch: JoinedBatch): void {
    const { kernels } = this.#context.runtime;
    const { input, rows } = batch;
    const { isLeft, condition } = this.#steps[input]!;
    this.#fillCalls(batch);
    const order = kernels.arenaAlloc(rows * 4) >>> 0;
    const ends = kernels.arenaAlloc(rows * 4) >>> 0;
    if (!isLeft || condition === undefined) {
      const alone = isLeft ? this.#zeros(rows) : 0;
      new Uint32Array(this.#context.runtime.memory.buffer, order, rows).forEach((_, i, list) => {
        list[i] = i;
      });
      kernels.joinKeep(batch.keep, rows, order, alone);
      this.#start(batch, order, rows, { alone, taken: 0 });
      return;
    }
    const rounds = kernels.entryRounds(rows, batch.entries[input]!, order, ends);
    const taken = this.#zeros(rows * 4);
    for (let round = 0, from = 0; round < rounds; round++) {
      const mark = kernels.arenaMark();
      const to = new DataView(this.#context.runtime.memory.buffer).getUint32(
        ends + round * 4,
        true,
      );
      const list = order + from * 4;
      kernels.joinTaken(batch.keep, to - from, list, taken);
      this.#start(batch, list, to - from, { alone: 0, taken });
      kernels.joinKeep(batch.keep, to - from, list, 0);
      kernels.arenaRelease(mark);
      from = to;
    }
  }

  close(): void {
    const { kernels } = this.#context.runtime;
    for (const { condition } of this.#steps) condition?.close();
    if (this.#calls === 0) return;
    kernels.operatorFree(this.#calls, this.#callBytes());
    kernels.operatorFree(this.#needs, this.#needBytes());
    this.#calls = 0;
  }

  #createStep(node: MultiJoinNode, input: number): Step {
    const isLeft = input > 0 && node.joinTypes[input - 1] === "LEFT";
    if (input === 0) return { isLeft, needs: 0, needCount: 0, condition: undefined };
    const { context } = { context: this.#context };
    const { needs, rest } = conditionParts(node, input, firstFields(context.inputs));
    const at = this.#needs + input * this.#sides.length * 4;
    new Uint32Array(context.runtime.memory.buffer, at, needs.length).set(needs);
    const condition =
      rest.length === 0
        ? undefined
        : new TupleCondition({
            context,
            condition: conjunction(rest),
            formats: this.#sides.slice(0, input + 1).map(({ format }) => format),
            output: node.output,
            operator: node.description,
          });
    return { isLeft, needs: at, needCount: needs.length, condition };
  }

  #fillCalls({ hashes, entries, now }: JoinedBatch): void {
    const data = new DataView(this.#context.runtime.memory.buffer);
    this.#sides.forEach((side, input) => {
      const { isLeft, needs, needCount } = this.#steps[input]!;
      const words = [side.map.ptr, hashes, entries[input]!, side.ttlSeconds, now];
      [...words, isLeft ? 1 : 0, needs, needCount, input].forEach((word, index) => {
        data.setUint32(this.#callOf(input) + index * 4, word, true);
      });
      data.setUint32(this.#callOf(input) + CALL_ROOM, PIECE, true);
    });
  }

  /** The rows `list` (u32[n] numbers of rows) through all inputs. */
  #start(batch: JoinedBatch, list: number, n: number, own: OwnRows): void {
    const { kernels, memory } = this.#context.runtime;
    const required = this.#inner.filter((input) => input !== batch.input && input > 0);
    if (batch.input > 0) required.push(0);
    const entries = kernels.arenaAlloc(Math.max(4, required.length * 4)) >>> 0;
    new Uint32Array(memory.buffer, entries, required.length).set(
      required.map((input) => batch.entries[input]!),
    );
    kernels.tuplesBegin(this.#callOf(0), n, list, batch.kinds, entries, required.length);
    this.#step(batch, 0, own);
  }

  #step(batch: JoinedBatch, input: number, own: OwnRows): void {
    const { kernels } = this.#context.runtime;
    const call = this.#callOf(input);
    if (kernels.tuplesCount(call) === 0) return;
    if (input === this.#sides.length) {
      this.#emit(call);
      return;
    }
    if (input === batch.input) {
      this.#stepOwn(batch, own);
      this.#step(batch, input + 1, own);
      return;
    }
    for (let done = false; !done; ) {
      const mark = kernels.arenaMark();
      done = kernels.tuplesCollect(call) !== 0;
      const mask = this.#evaluatePairs(input);
      kernels.tuplesApply(call, mask.values, mask.validity, this.#callOf(input + 1));
      this.#step(batch, input + 1, own);
      kernels.arenaRelease(mark);
    }
  }

  #stepOwn(batch: JoinedBatch, { alone, taken }: OwnRows): void {
    const { kernels } = this.#context.runtime;
    const { input, views } = batch;
    const call = this.#callOf(input);
    const { condition } = this.#steps[input]!;
    const rows = kernels.tuplesOwnRows(call, views) >>> 0;
    const mask =
      condition?.evaluate(kernels.tuplesCount(call), (at) =>
        at === input ? rows : kernels.tuplesRows(call, at) >>> 0,
      ) ?? NO_MASK;
    const isByRow = taken === 0;
    const marks = isByRow ? alone : this.#aloneByTuple(batch, taken);
    const to = this.#callOf(input + 1);
    kernels.tuplesOwn(call, rows, mask.values, mask.validity, marks, isByRow ? 1 : 0, to);
  }

  /** u8 by tuple: 1 where no other row of the batch's own input matches it. */
  #aloneByTuple({ input }: JoinedBatch, taken: number): number {
    const { kernels } = this.#context.runtime;
    const call = this.#callOf(input);
    const marks = this.#zeros(kernels.tuplesCount(call));
    const data = () => new DataView(this.#context.runtime.memory.buffer);
    // Collected as those of an INNER input are: each has its candidates, none is padded.
    data().setUint32(call + CALL_LEFT, 0, true);
    for (let done = false, piece = FIRST_PIECE; !done; piece = Math.min(PIECE, piece * 4)) {
      const mark = kernels.arenaMark();
      data().setUint32(call + CALL_ROOM, piece, true);
      done = kernels.tuplesCollect(call) !== 0;
      const mask = this.#evaluatePairs(input);
      kernels.tuplesOthers(call, mask.values, mask.validity, taken, marks);
      kernels.tuplesSkip(call, marks);
      kernels.arenaRelease(mark);
    }
    data().setUint32(call + CALL_LEFT, 1, true);
    kernels.tuplesRewind(call);
    kernels.tuplesAlone(call, taken, marks);
    return marks;
  }

  #evaluatePairs(input: number): Mask {
    const { kernels } = this.#context.runtime;
    const { condition } = this.#steps[input]!;
    if (condition === undefined) return NO_MASK;
    const call = this.#callOf(input);
    return condition.evaluate(
      kernels.tuplesPairs(call),
      (at) => kernels.tuplesPairRows(call, at) >>> 0,
    );
  }

  #emit(call: number): void {
    const { kernels } = this.#context.runtime;
    const count = kernels.tuplesCount(call);
    const kinds = kernels.tuplesKinds(call) >>> 0;
    const rows = this.#sides.map((_, input) => kernels.tuplesRows(call, input) >>> 0);
    for (let from = 0; from < count; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const n = Math.min(MAX_BATCH_ROWS, count - from);
      const batch = kernels.batchCreate(n, this.#columns, kinds + from) >>> 0;
      let column = 0;
      this.#sides.forEach(({ format }, input) => {
        format.decode(rows[input]! + from * 4, n, batch, column);
        column += format.columns;
      });
      this.#context.output.emit(batch);
      kernels.arenaRelease(mark);
    }
  }

  #zeros(bytes: number): number {
    const { kernels, memory } = this.#context.runtime;
    const at = kernels.arenaAlloc(Math.max(1, bytes)) >>> 0;
    new Uint8Array(memory.buffer, at, bytes).fill(0);
    return at;
  }

  readonly #callOf = (input: number): number => this.#calls + input * CALL_BYTES;
  readonly #callBytes = (): number => (this.#sides.length + 1) * CALL_BYTES;
  readonly #needBytes = (): number => this.#sides.length * this.#sides.length * 4;
}

interface OwnRows {
  /** u8 by row: it stands alone for its key; 0 = not asked for, or by `taken`. */
  readonly alone: number;
  /** u32 by row: the row in state that it takes out; 0 = `alone` says it. */
  readonly taken: number;
}

function conjunction(parts: readonly Expression[]): Expression {
  const nullable = parts.some(({ type }) => type.nullable);
  return parts.length === 1 ? parts[0]! : callOf("AND", parts, types.boolean(nullable));
}
