/**
 * Our engine's answers: batches of expressions in one SELECT over a table in memory. A batch that fails is halved until the
 * expressions that are refused stand alone.
 */
import { toMillraceError } from "../../../src/foundation/base/errors.ts";
import { formatValue } from "../../../src/foundation/columnar/value-text.ts";
import { Engine } from "../../../testkit/conformance/engine.ts";
import type { Answer, Evaluator, FuzzCase } from "./fuzz-expression.ts";
import { type FuzzRow, flinkColumns, GROUPS } from "./fuzz-table.ts";
import { selectOf } from "./select-text.ts";

export class MillraceEvaluator implements Evaluator {
  readonly name = "millrace";
  readonly #rows: readonly FuzzRow[];

  constructor(rows: readonly FuzzRow[]) {
    this.#rows = rows;
  }

  async evaluate(cases: readonly FuzzCase[]): Promise<Answer[]> {
    const answers = await this.#together(cases);
    if (Array.isArray(answers)) return answers;
    if (cases.length === 1) return [{ rows: [], error: answers.error }];
    const middle = cases.length >> 1;
    const first = await this.evaluate(cases.slice(0, middle));
    return [...first, ...(await this.evaluate(cases.slice(middle)))];
  }

  async close(): Promise<void> {
    // Every batch has an engine of its own.
  }

  async #together(cases: readonly FuzzCase[]): Promise<Answer[] | { readonly error: string }> {
    const engine = new Engine({ batch: true });
    engine.execute(
      `CREATE TABLE t (${flinkColumns}) WITH ('connector' = 'values', 'bounded' = 'true')`,
    );
    const cells = (row: FuzzRow, k: number) => [k, k % GROUPS, ...row];
    engine.store.register(
      "t",
      this.#rows.map((row, k) => ({ row: cells(row, k) })),
    );
    try {
      const { rows, schema } = await engine.query(selectOf(cases));
      const sorted = [...rows].sort((a, b) => Number(a.values[0]) - Number(b.values[0]));
      return cases.map((_, i) => ({
        rows: sorted.map(({ values }) => {
          const value = values[i + 1]!;
          if (value === null) return null;
          return formatValue(value, schema.fields[i + 1]!.type, { style: "sql" });
        }),
      }));
    } catch (error) {
      const { code, message } = toMillraceError(error);
      return { error: message.startsWith(code) ? message : `${code} ${message}` };
    }
  }
}
