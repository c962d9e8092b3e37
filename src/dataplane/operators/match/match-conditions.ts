/**
 * MatchConditions: which variables the row at hand fits, for every match in the making and for a fresh one.
 *
 * Simple:  a condition of the row alone is evaluated for all new rows in begin().
 * Others:  look at rows of the match; evaluated per round for those matches whose next step may ask for them.
 * Out:     fits: u8 by candidate and position, candidates of a run from run.fitsFrom on, the fresh one last.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { MatchNode } from "../../../foundation/plan/exec-node.ts";
import type { MatchExpressions } from "../../../foundation/plan/match.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import type { RowFormat } from "../rows/row-format.ts";
import { COUNTS, type MatchPattern, POSITION, START } from "./match-pattern.ts";
import { joinedRows, type MatchRun } from "./match-run.ts";
import { MatchValues, type RowRange } from "./match-values.ts";

interface Condition {
  readonly spec: MatchExpressions;
  readonly values: MatchValues;
  readonly simple: boolean;
}

interface Candidate {
  readonly run: MatchRun;
  /** -1 = a fresh match. */
  readonly record: number;
  /** Where its bits begin in fits. */
  readonly at: number;
}

export class MatchConditions {
  /** See the head of this file. */
  fits = new Uint8Array(64);
  readonly #context: OperatorContext;
  readonly #pattern: MatchPattern;
  /** Absent: a variable without definition takes any row. */
  readonly #conditions: readonly (Condition | undefined)[];
  readonly #simple = new Map<MatchRun, { readonly from: number; readonly bits: Uint8Array }>();
  #map = 0;

  constructor(options: {
    readonly context: OperatorContext;
    readonly format: RowFormat;
    readonly node: MatchNode;
    readonly pattern: MatchPattern;
    readonly hashDistance: number;
    readonly operator: string;
  }) {
    const { node, pattern, ...shared } = options;
    this.#context = options.context;
    this.#pattern = pattern;
    const output = { fields: [{ name: "fits", type: types.boolean() }] };
    this.#conditions = node.define.map((spec, position) => {
      const [expression] = spec.expressions;
      if (expression?.kind === "literal" && expression.value === true) return undefined;
      const simple =
        spec.aggregates.length === 0 &&
        spec.references.every(
          (one) =>
            (one.position === position || one.position < 0) && !one.first && one.offset === 0,
        );
      return { spec, simple, values: new MatchValues({ ...shared, spec, output }) };
    });
  }

  /** Before the first round: the simple conditions of all new rows. */
  begin(runs: readonly MatchRun[], map: number): void {
    this.#map = map;
    this.#simple.clear();
    const { positions } = this.#pattern;
    const { kernels } = this.#context.runtime;
    for (const run of runs) {
      const rows = run.addresses.subarray(run.next);
      const bits = new Uint8Array(rows.length * positions).fill(1);
      this.#simple.set(run, { from: run.next, bits });
      this.#conditions.forEach((condition, position) => {
        if (condition === undefined || !condition.simple) return;
        const mark = kernels.arenaMark();
        const result = condition.values.evaluate(
          {
            matches: rows.length,
            rows,
            hash: () => run.hash,
            row: (match) => rows[match]!,
            range: () => ({ from: 0, count: 0 }),
          },
          map,
        );
        condition.values.truths(result, rows.length, bits, position, positions);
        kernels.arenaRelease(mark);
      });
    }
  }

  /** The conditions of all candidates of the runs for the next row of each. */
  round(runs: readonly MatchRun[]): void {
    const { positions } = this.#pattern;
    let total = 0;
    for (const run of runs) {
      run.fitsFrom = total;
      total += (run.partial.count + 1) * positions;
    }
    if (total > this.fits.length) this.fits = new Uint8Array(total * 2);
    for (const run of runs) {
      const { from, bits } = this.#simple.get(run)!;
      const at = (run.next - from) * positions;
      const row = bits.subarray(at, at + positions);
      for (let i = 0; i <= run.partial.count; i++) this.fits.set(row, run.fitsFrom + i * positions);
    }
    this.#conditions.forEach((condition, position) => {
      if (condition !== undefined && !condition.simple) this.#look(condition, position, runs);
    });
  }

  #look({ spec, values }: Condition, position: number, runs: readonly MatchRun[]): void {
    const candidates = this.#candidates(position, runs);
    const n = candidates.length;
    if (n === 0) return;
    const { kernels } = this.#context.runtime;
    const mark = kernels.arenaMark();
    const { rows, bases } = joinedRows(spec.aggregates.length === 0 ? [] : runs);
    const result = values.evaluate(
      {
        matches: n,
        rows,
        hash: (match) => candidates[match]!.run.hash,
        row: (match, reference) => {
          const { position: of, first, offset } = spec.references[reference]!;
          const { from, count } = rangeOf(candidates[match]!, of, position);
          if (offset >= count) return 0;
          const { addresses } = candidates[match]!.run;
          return addresses[first ? from + offset : from + count - 1 - offset]!;
        },
        range: (match, of) => {
          const { from, count } = rangeOf(candidates[match]!, of, position);
          return { from: bases.get(candidates[match]!.run)! + from, count };
        },
      },
      this.#map,
    );
    const bits = new Uint8Array(n);
    values.truths(result, n, bits, 0, 1);
    candidates.forEach(({ at }, i) => {
      this.fits[at + position] = bits[i]!;
    });
    kernels.arenaRelease(mark);
  }

  /** Those whose next step may ask whether the row is one of `position`. */
  #candidates(position: number, runs: readonly MatchRun[]): Candidate[] {
    const pattern = this.#pattern;
    const candidates: Candidate[] = [];
    for (const run of runs) {
      const { partial, fitsFrom } = run;
      for (let i = 0; i <= partial.count; i++) {
        const record = i < partial.count ? i : -1;
        const current = record < 0 ? -1 : partial.get(record, POSITION);
        const count = record < 0 ? 0 : partial.get(record, COUNTS + current);
        if (position < current || position > pattern.lastAsked(current, count)) continue;
        candidates.push({ run, record, at: fitsFrom + i * pattern.positions });
      }
    }
    return candidates;
  }
}

/** Rows of variable `of` (-1 = all) in a candidate whose next row counts as one of `as`. */
function rangeOf({ run, record }: Candidate, of: number, as: number): RowRange {
  const row = run.next;
  if (record < 0) return of < 0 || of === as ? { from: row, count: 1 } : { from: row, count: 0 };
  const { partial } = run;
  const start = partial.get(record, START);
  if (of < 0) return { from: start, count: row - start + 1 };
  let from = start;
  for (let q = 0; q < of; q++) from += partial.get(record, COUNTS + q);
  const count = partial.get(record, COUNTS + of);
  return of === as ? { from: count === 0 ? row : from, count: count + 1 } : { from, count };
}
