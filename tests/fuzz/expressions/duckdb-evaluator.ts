/**
 * DuckDB's answers. A batch that fails is asked expression by expression, and then row by row, so that one overflow
 * hides one row only.
 */
import type { Answer, Evaluator, FuzzCase } from "./fuzz-expression.ts";
import { type FuzzRow, peerTable, ROWS } from "./fuzz-table.ts";

type Cells = readonly (readonly (string | null)[])[];

export class DuckDbEvaluator implements Evaluator {
  readonly name = "duckdb";
  readonly #ask: (sql: string) => Promise<Cells>;
  readonly #end: () => void;

  private constructor(ask: (sql: string) => Promise<Cells>, end: () => void) {
    this.#ask = ask;
    this.#end = end;
  }

  static async open(rows: readonly FuzzRow[]): Promise<DuckDbEvaluator> {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
    const connection = await instance.connect();
    await connection.run(peerTable(rows, "duckdb"));
    const ask = async (sql: string) => {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRows() as unknown as Cells;
    };
    return new DuckDbEvaluator(ask, () => {
      connection.closeSync();
      instance.closeSync();
    });
  }

  async evaluate(cases: readonly FuzzCase[]): Promise<Answer[]> {
    try {
      return columns(await this.#ask(select(cases)), cases.length);
    } catch {
      // Some expression of the batch fails: the ones that do are found below.
      if (cases.length === 1) return [await this.#rowByRow(cases[0]!)];
    }
    const middle = cases.length >> 1;
    const first = await this.evaluate(cases.slice(0, middle));
    return [...first, ...(await this.evaluate(cases.slice(middle)))];
  }

  async #rowByRow(one: FuzzCase): Promise<Answer> {
    const rows: (string | null | undefined)[] = [];
    let error = "";
    if (!one.grouped) {
      for (let k = 0; k < ROWS; k++) {
        try {
          const [row] = await this.#ask(select([one], `WHERE k = ${k}`));
          rows.push(row![0]!);
        } catch (problem) {
          error = (problem as Error).message;
          rows.push(undefined);
        }
      }
      if (rows.some((row) => row !== undefined)) return { rows };
    }
    return { rows: [], error: error === "" ? "an aggregate fails" : error };
  }

  async close(): Promise<void> {
    this.#end();
  }
}

/** By way of a subquery, so that a folded constant has as many rows as the table. */
function select(cases: readonly FuzzCase[], where = ""): string {
  const texts = cases.map(({ peer }, i) => `CAST(${peer} AS VARCHAR) AS e${i}`);
  const tail = cases[0]!.grouped ? "GROUP BY g ORDER BY g" : `${where} ORDER BY k`;
  return `SELECT ${texts.join(", ")} FROM t ${tail}`;
}

function columns(cells: Cells, count: number): Answer[] {
  return Array.from({ length: count }, (_, i) => ({ rows: cells.map((row) => row[i]!) }));
}
