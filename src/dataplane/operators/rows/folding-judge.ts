/**
 * FoldingJudge: whether the first half of an aggregate goes on folding rows, or hands them on as they are.
 *
 * Rule:    where at least FEWEST_FOLDED rows made more than one row out of FEWEST_ROWS, folding saves too little: the next rows
 *          are passed on, FEWEST_PASSED of them and each time twice as many, up to MOST_PASSED; then it is tried again.
 * State:   none: both ways come to the same result.
 */
const FEWEST_ROWS = 2;
const FEWEST_FOLDED = 4_096;
const FEWEST_PASSED = 500_000;
const MOST_PASSED = 16_000_000;

export class FoldingJudge {
  /** Folded, not judged yet, and what came of it. */
  #folded = 0;
  #made = 0;
  /** How many rows are passed on when folding did not pay; twice as many when it did not again. */
  #passes = FEWEST_PASSED;
  /** Still to be passed on. */
  #passing = 0;

  get passes(): boolean {
    return this.#passing > 0;
  }

  passed(rows: number): void {
    this.#passing = Math.max(0, this.#passing - rows);
  }

  folded(rows: number, made: number): void {
    this.#folded += rows;
    this.#made += made;
    if (this.#folded < FEWEST_FOLDED) return;
    const pays = this.#folded >= this.#made * FEWEST_ROWS;
    this.#passes = pays ? FEWEST_PASSED : Math.min(this.#passes * 2, MOST_PASSED);
    if (!pays) this.#passing = this.#passes;
    this.#folded = 0;
    this.#made = 0;
  }
}
