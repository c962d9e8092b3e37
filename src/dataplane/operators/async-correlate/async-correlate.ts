/**
 * AsyncCorrelate: each row with the rows that a request answers later: asynchronous functions of the user, and models.
 *
 * Flow:    batch → rows into state → up to `capacity` requests at once → answers → rows, in order of the rows, or as they
 *          come (never past a watermark) → out. An answer wakes the subtask through a processing timer.
 * In/out:  any changelog; changes keep their kinds. LEFT shows rows without an answer with NULLs, as do rows that do not need
 *          one (`when`): they are not asked for, and wait for those before them only.
 * State:   request-queue.ts: rows that wait for an answer. Nothing is emitted before it has left the state, so after a
 *          restore each such row is asked again, and its answer shown once. kept-answers.ts, with keepBy: rows that are taken
 *          back are not asked for.
 * Limits:  capacity requests; input is held while rows wait for their turn, or a batch of rows waits for those before it: beside
 *          the requests at most two batches wait.
 * Errors:  MR4165 a request that fails for good, MR4166 one that takes too long.
 * Source:  Flink AsyncWaitOperator, StreamExecAsyncCalc, StreamExecAsyncCorrelate, StreamExecMLPredictTableFunction.
 */
import { type BatchPtr, MAX_BATCH_ROWS } from "../../../foundation/columnar/batch.ts";
import { MillraceError } from "../../../foundation/base/errors.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { RowReader, type Value } from "../../../foundation/columnar/value-reader.ts";
import type { AsyncCorrelateNode } from "../../../foundation/plan/exec-node.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { operatorErrors } from "../errors.ts";
import { assembleBatch, columnsOf } from "../rows/assembled-batch.ts";
import { decodedValue } from "../rows/decoded-value.ts";
import { valueBatch } from "../rows/value-batch.ts";
import type { Answer, Asker } from "./async-requests.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { type QueuedRow, RequestQueue } from "./request-queue.ts";

/** What of a node the operator needs; lookup joins by key are such requests, too. */
export interface AsyncCorrelateSpec
  extends Pick<AsyncCorrelateNode, "joinType" | "args" | "fields" | "asking" | "description"> {
  /** Over the input's fields: rows that need an answer. */
  readonly when?: Expression;
  /** Over the input's fields, then `fields`: answers that do not pass are none. */
  readonly condition?: Expression;
  /** A row is taken back with the answer it was given, which is kept by these fields of the input. */
  readonly keepBy?: readonly number[];
  /** They are not unique. */
  readonly keepsEqual?: boolean;
  readonly stateTtlMs?: number;
}

interface Item {
  readonly row: QueuedRow;
  state: "waiting" | "asked" | "resting" | "answered";
  attempts: number;
  /** Of the first request: epoch ms. */
  since: number;
  /** When a resting one is asked again. */
  next: number;
  answer: Answer;
}

/** Rows and watermarks in the order in which they came. */
type Entry = Item | { watermark: number };

const isItem = (entry: Entry): entry is Item => "row" in entry;
/** −U, −D. */
const takesBack = ({ kind }: QueuedRow): boolean => (kind & 1) === 1;
const NOTHING: Answer = [];
const NO_VALUES: readonly Value[] = [];
const NOT_NEEDED: Answer = [NO_VALUES];

export class AsyncCorrelateOperator extends BaseOperator {
  readonly #node: AsyncCorrelateSpec;
  readonly #createAsker: () => Asker;
  readonly #answers: Schema;
  #queue: RequestQueue | undefined;
  #kept: KeptAnswers | undefined;
  #asker: Asker | undefined;
  #values: { readonly calc: CompiledCalc; readonly reader: RowReader } | undefined;
  #condition: { readonly calc: CompiledCalc; readonly reader: RowReader } | undefined;
  #when: { readonly calc: CompiledCalc; readonly reader: RowReader } | undefined;
  #line: Entry[] = [];
  #waiting: Item[] = [];
  #underWay = 0;
  #failure: unknown;

  constructor(node: AsyncCorrelateSpec, context: OperatorContext, asker: () => Asker) {
    super(context);
    this.#node = node;
    this.#createAsker = asker;
    this.#answers = { fields: node.fields };
  }

  override open(): void {
    const { context } = this;
    const { args, condition, when, description: operator } = this.#node;
    const input = context.inputs[0]!;
    this.#queue = new RequestQueue(context, input, operator);
    this.#asker = this.#createAsker();
    const output = { fields: args.map(({ type }, i) => ({ name: `a${i}`, type })) };
    const options = { runtime: context.runtime, environment: functionEnvironment(context) };
    this.#values = {
      calc: compileCalc({ input, projection: args, output }, { ...options, operator }),
      reader: new RowReader(context.runtime.memory, output),
    };
    const tested = (fields: Schema, e: Expression) => {
      const pass = { fields: [{ name: "pass", type: e.type }] };
      const spec = { input: fields, projection: [e], output: pass };
      return {
        calc: compileCalc(spec, { ...options, operator }),
        reader: new RowReader(context.runtime.memory, pass),
      };
    };
    if (when !== undefined) this.#when = tested(input, when);
    if (condition !== undefined)
      this.#condition = tested({ fields: [...input.fields, ...this.#answers.fields] }, condition);
    const { keepBy: keyFields, keepsEqual = false, stateTtlMs: ttlMs = 0 } = this.#node;
    if (keyFields !== undefined)
      this.#kept = new KeptAnswers({
        context,
        input,
        keyFields,
        answers: this.#answers,
        keepsEqual,
        ttlMs,
        operator,
      });
    this.#enqueue(this.#queue.restored());
    if (this.#line.length > 0) this.#wake();
    context.metrics.gauge("numRequestsInFlight", () => this.#underWay);
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    const rows = new DataView(this.context.runtime.memory.buffer).getUint32(batch, true);
    this.#enqueue(this.#queue!.append(batch, this.#kept?.groups(batch, rows)));
    this.#proceed();
  }

  override processWatermark(watermark: number): void {
    const last = this.#line.at(-1);
    if (last === undefined) this.context.output.emitWatermark(watermark);
    else if (isItem(last)) this.#line.push({ watermark });
    else last.watermark = watermark;
  }

  override onProcessingTime(): void {
    this.#proceed();
  }

  /** Rows that would only wait may stay where they are. */
  wantsInput(): boolean {
    return this.#waiting.length === 0 && this.#line.length < MAX_BATCH_ROWS;
  }

  /** Ends of inputs are passed on behind the last answer. */
  pending(): boolean {
    return this.#line.length > 0;
  }

  override close(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#queue = undefined;
    this.#line = [];
    this.#waiting = [];
    queue.close();
    this.#kept?.close();
    this.#asker?.close();
  }

  #enqueue(rows: readonly QueuedRow[]): void {
    const needs = this.#needs(rows);
    for (const [i, row] of rows.entries()) {
      const item: Item = { row, state: "waiting", attempts: 0, since: 0, next: 0, answer: NOTHING };
      this.#line.push(item);
      const isKept = this.#kept !== undefined && takesBack(row);
      if (!isKept && needs?.[i] !== false) {
        this.#waiting.push(item);
        continue;
      }
      if (!isKept) item.answer = NOT_NEEDED;
      item.state = "answered";
    }
  }

  /** Which rows need an answer; undefined: all. */
  #needs(rows: readonly QueuedRow[]): readonly boolean[] | undefined {
    if (this.#when === undefined) return undefined;
    const { kernels } = this.context.runtime;
    const { calc, reader } = this.#when;
    const needs: boolean[] = [];
    for (let from = 0; from < rows.length; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const part = rows.slice(from, from + MAX_BATCH_ROWS);
      const tested = calc.process(this.#queue!.read(part).batch);
      for (const i of part.keys()) needs.push(reader.read(tested, i)[0] === true);
      kernels.arenaRelease(mark);
    }
    return needs;
  }

  #proceed(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#checkTimes();
    this.#emitAnswered();
    this.#askMore();
  }

  /** Asks those again that have rested, and refuses to wait longer than the timeout. */
  #checkTimes(): void {
    const now = this.context.clock.nowMs();
    const { timeoutMs } = this.#node.asking;
    const again: Item[] = [];
    for (const entry of this.#line) {
      if (!isItem(entry) || entry.state === "waiting" || entry.state === "answered") continue;
      if (now - entry.since >= timeoutMs)
        throw operatorErrors.REQUEST_TIMEOUT({
          what: this.#asker!.name,
          timeout: `${timeoutMs} ms`,
        });
      if (entry.state === "resting" && now >= entry.next) again.push(entry);
    }
    if (again.length > 0) this.#ask(again, true);
  }

  #askMore(): void {
    const room = this.#node.asking.capacity - this.#underWay;
    const turn = this.#waiting.splice(0, Math.max(0, room));
    if (turn.length === 0) return;
    this.#underWay += turn.length;
    const now = this.context.clock.nowMs();
    for (const item of turn) item.since = now;
    this.context.registerProcessingTimer(now + this.#node.asking.timeoutMs);
    this.#ask(turn);
  }

  #ask(items: readonly Item[], again = false): void {
    const { calc, reader } = this.#values!;
    const { args } = this.#node;
    const { batch } = this.#queue!.read(items.map(({ row }) => row));
    const values = calc.process(batch);
    const asked = items.map((_, i) =>
      reader.read(values, i).map((value, arg) => decodedValue(value, args[arg]!.type)),
    );
    const attempts = items.map((item) => {
      item.state = "asked";
      return ++item.attempts;
    });
    this.context.metrics.counter("numRequests").value += items.length;
    this.#asker!.ask(asked, again).forEach((promise, i) => {
      const item = items[i]!;
      const isCurrent = () => item.state === "asked" && item.attempts === attempts[i];
      promise.then(
        (answer) => {
          if (isCurrent()) this.#answered(item, answer);
        },
        (error: unknown) => {
          if (isCurrent()) this.#failed(item, error);
        },
      );
    });
  }

  #answered(item: Item, answer: Answer): void {
    const { retry } = this.#node.asking;
    if (retry?.onEmpty === true && answer.length === 0 && item.attempts < retry.attempts) {
      this.#rest(item, retry.delayMs);
      return;
    }
    item.state = "answered";
    item.answer = answer;
    this.#wake();
  }

  #failed(item: Item, error: unknown): void {
    if (this.#queue === undefined) return;
    this.context.metrics.counter("numRequestsFailed").value++;
    const { retry } = this.#node.asking;
    if (retry !== undefined && retry.onEmpty !== true && item.attempts < retry.attempts) {
      this.#rest(item, retry.delayMs);
      return;
    }
    const reason = error instanceof Error ? error.message : "it threw what is no Error";
    this.#failure ??=
      error instanceof MillraceError
        ? error
        : operatorErrors.REQUEST_FAILED({ what: this.#asker!.name, reason }, { cause: error });
    this.#wake();
  }

  #rest(item: Item, delayMs: number): void {
    if (this.#queue === undefined) return;
    item.state = "resting";
    item.next = this.context.clock.nowMs() + delayMs;
    this.context.registerProcessingTimer(item.next);
  }

  #wake(): void {
    if (this.#queue !== undefined) this.context.registerProcessingTimer(this.context.clock.nowMs());
  }

  #emitAnswered(): void {
    let from = 0;
    const { unordered } = this.#node.asking;
    let done: Item[] = [];
    const rest: Entry[] = [];
    for (; from < this.#line.length; from++) {
      const entry = this.#line[from]!;
      if (!isItem(entry)) {
        if (rest.length > 0) break;
        this.#emit(done);
        done = [];
        this.context.output.emitWatermark(entry.watermark);
      } else if (entry.state === "answered") done.push(entry);
      else if (unordered) rest.push(entry);
      else break;
    }
    this.#line = [...rest, ...this.#line.slice(from)];
    this.#emit(done);
  }

  #emit(items: readonly Item[]): void {
    const outer = this.#node.joinType === "LEFT";
    const rows: QueuedRow[] = [];
    const answers: (readonly Value[])[] = [];
    for (const [at, { row }] of items.entries()) {
      const answer = this.#passing(items[at]!);
      for (const values of answer.length === 0 && outer ? [NO_VALUES] : answer) {
        rows.push(row);
        answers.push(values);
      }
    }
    const { kernels } = this.context.runtime;
    for (let from = 0; from < rows.length; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const part = rows.slice(from, from + MAX_BATCH_ROWS);
      this.context.output.emit(this.#pairs(part, answers.slice(from, from + MAX_BATCH_ROWS)));
      kernels.arenaRelease(mark);
    }
    for (const { row } of items) this.#queue!.remove(row);
    for (const { attempts } of items) if (attempts > 0) this.#underWay--;
  }

  /** What is shown of an answer: what was shown before, where it is kept. */
  #passing(item: Item): Answer {
    if (this.#kept === undefined) return this.#allowed(item);
    const { kernels } = this.context.runtime;
    const mark = kernels.arenaMark();
    const { batch } = this.#queue!.read([item.row]);
    const answer = takesBack(item.row) ? this.#kept.take(batch) : this.#allowed(item);
    if (!takesBack(item.row)) this.#kept.keep(batch, answer);
    kernels.arenaRelease(mark);
    return answer;
  }

  /** What of an answer passes the condition. */
  #allowed({ row, answer }: Item): Answer {
    if (this.#condition === undefined || answer.length === 0) return answer;
    const { kernels } = this.context.runtime;
    const { calc, reader } = this.#condition;
    const passing: (readonly Value[])[] = [];
    for (let from = 0; from < answer.length; from += MAX_BATCH_ROWS) {
      const mark = kernels.arenaMark();
      const part = answer.slice(from, from + MAX_BATCH_ROWS);
      const passes = calc.process(this.#pairs(new Array<QueuedRow>(part.length).fill(row), part));
      for (const [at, values] of part.entries())
        if (reader.read(passes, at)[0] === true) passing.push(values);
      kernels.arenaRelease(mark);
    }
    return passing;
  }

  #pairs(rows: readonly QueuedRow[], answers: Answer): BatchPtr {
    const { runtime } = this.context;
    const queue = this.#queue!;
    const { batch, kinds } = queue.read(rows);
    const right = valueBatch(runtime, this.#answers, answers);
    const columns = [
      ...columnsOf(batch, 0, queue.columns),
      ...columnsOf(right, 0, physicalColumns(this.#answers).length),
    ];
    return assembleBatch(runtime, rows.length, columns, kinds);
  }
}
