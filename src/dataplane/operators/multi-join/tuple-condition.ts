/**
 * TupleCondition: what an input's condition asks of tuples beside the common key: rows that must be there, and a condition over
 * the columns that it reads.
 *
 * Equal keys: rows of one key are looked up by it, so that `a.k = b.k` holds as soon as both rows are there. Only where a row
 *             before may be padded with NULLs must it be looked at.
 */
import { COLUMN_VALIDITY, COLUMN_VALUES, columnPtr } from "../../../foundation/columnar/batch.ts";
import {
  physicalColumns,
  physicalCount,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import type { MultiJoinNode } from "../../../foundation/plan/exec-node.ts";
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";
import { type Mask, NO_MASK } from "../join/join-condition.ts";
import type { RowFormat } from "../rows/row-format.ts";

export interface ConditionParts {
  /** Inputs whose rows the keys are compared with, and that may be padded with NULLs. */
  readonly needs: readonly number[];
  /** What the common key does not say already. */
  readonly rest: readonly Expression[];
}

/** The condition of `input` (1 …) of a multi-way join; `firsts`: by input its first field of the output. */
export function conditionParts(
  node: Pick<MultiJoinNode, "conditions" | "keys" | "joinTypes">,
  input: number,
  firsts: readonly number[],
): ConditionParts {
  const needs = new Set<number>();
  const rest: Expression[] = [];
  for (const part of conjunctsOf(node.conditions[input - 1]!)) {
    const other = keyPartner(part, node.keys, input, firsts);
    if (other === undefined) rest.push(part);
    else if (other > 0 && node.joinTypes[other - 1] === "LEFT") needs.add(other);
  }
  return { needs: [...needs], rest };
}

function conjunctsOf(e: Expression): Expression[] {
  if (e.kind === "literal" && e.value === true) return [];
  return e.kind === "call" && e.function === "AND" ? e.args.flatMap(conjunctsOf) : [e];
}

/** The earlier input that the part compares a field of the common key with. */
function keyPartner(
  part: Expression,
  keys: MultiJoinNode["keys"],
  input: number,
  firsts: readonly number[],
): number | undefined {
  if (part.kind !== "call" || part.function !== "EQUALS") return undefined;
  const [a, b] = part.args;
  if (a?.kind !== "input" || b?.kind !== "input") return undefined;
  const places = (field: number): (readonly [number, number])[] =>
    keys.flatMap((fields, of) =>
      fields.flatMap((key, at) => (firsts[of]! + key === field ? [[of, at] as const] : [])),
    );
  const [one, other] = [places(a.index), places(b.index)];
  const [own, others] = one[0]?.[0] === input ? [one, other] : [other, one];
  if (own[0]?.[0] !== input || (others[0]?.[0] ?? input) >= input) return undefined;
  return own.some(([, at]) => others.some(([, by]) => by === at)) ? others[0]![0] : undefined;
}

/** By input its first field of the output. */
export function firstFields(inputs: readonly Schema[]): number[] {
  let next = 0;
  return inputs.map(({ fields }) => {
    const first = next;
    next += fields.length;
    return first;
  });
}

export class TupleCondition {
  readonly #context: OperatorContext;
  readonly #formats: readonly RowFormat[];
  readonly #calc: CompiledCalc;
  readonly #columns: number;
  readonly #wantedBytes: number;
  /** u8 by column of all inputs up to this one. */
  #wanted: number;
  /** Inputs whose columns are read, with their first column. */
  readonly #read: readonly { readonly input: number; readonly column: number }[];

  /** `output`: the join's, of which the condition reads the fields up to those of its input. */
  constructor(options: {
    readonly context: OperatorContext;
    readonly condition: Expression;
    readonly formats: readonly RowFormat[];
    readonly output: Schema;
    readonly operator: string;
  }) {
    const { context, condition, formats, output, operator } = options;
    this.#context = context;
    this.#formats = formats;
    const width = formats.reduce((sum, { schema }) => sum + schema.fields.length, 0);
    const input = { fields: output.fields.slice(0, width) };
    this.#calc = compileCalc(
      {
        input,
        projection: [condition],
        output: { fields: [{ name: "match", type: condition.type }] },
      },
      { runtime: context.runtime, environment: functionEnvironment(context), operator },
    );
    this.#columns = physicalColumns(input).length;
    const wanted = new Uint8Array(this.#columns);
    for (const field of inputRefs(condition)) {
      const first = physicalIndex(input, field);
      wanted.fill(1, first, first + physicalCount(input.fields[field]!.type));
    }
    this.#wantedBytes = Math.max(1, this.#columns);
    this.#wanted = context.runtime.kernels.operatorAllocate(this.#wantedBytes) >>> 0;
    new Uint8Array(context.runtime.memory.buffer).set(wanted, this.#wanted);
    let column = 0;
    this.#read = formats.flatMap((format, at) => {
      const first = column;
      column += format.columns;
      return wanted.subarray(first, column).includes(1) ? [{ input: at, column: first }] : [];
    });
  }

  /** For n tuples whose rows of an input are at `rowsOf(input)` (u32[n] addresses, 0 = padded). */
  evaluate(n: number, rowsOf: (input: number) => number): Mask {
    if (n === 0) return NO_MASK;
    const { kernels, memory } = this.#context.runtime;
    const batch = kernels.batchCreate(n, this.#columns, 0) >>> 0;
    for (const { input, column } of this.#read)
      this.#formats[input]!.decode(rowsOf(input), n, batch, column, this.#wanted + column);
    const result = this.#calc.process(batch);
    const data = new DataView(memory.buffer);
    const match = columnPtr(result, 0);
    return {
      values: data.getUint32(match + COLUMN_VALUES, true),
      validity: data.getUint32(match + COLUMN_VALIDITY, true),
    };
  }

  close(): void {
    if (this.#wanted !== 0)
      this.#context.runtime.kernels.operatorFree(this.#wanted, this.#wantedBytes);
    this.#wanted = 0;
  }
}
