/**
 * Checks results before figures are printed: each engine's rows against DuckDB's, for pattern queries against those of
 * cep-reference.ts, or against each other.
 *
 * Flow:    bench nexmark → here (a smaller input, files instead of the blackhole) → nexmark/rows.
 * Input:   one file in the order of event time and parallelism 1, so that no row is late in any engine.
 * Errors:  MR9980 names the query and up to four rows that differ.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { benchErrors } from "../errors.ts";
import { nexmarkEventFiles } from "../nexmark-events.ts";
import { cacheFolder } from "../paths.ts";
import { isCepQuery } from "./cep-queries.ts";
import { cepRows } from "./cep-reference.ts";
import { DuckDbReference, references } from "./duckdb.ts";
import { nexmarkScript } from "./queries.ts";
import { compareRows, countRows, type RowCounts, readRows } from "./rows.ts";

/** Slow enough for several windows: 200,000 events are 20 seconds. */
const CHECK_RATE = 10_000;

export interface CheckRequest {
  readonly queries: readonly string[];
  readonly events: number;
  readonly countCharFunction: boolean;
}

/** What one engine's rows were compared with. */
export interface CheckOutcome {
  readonly query: string;
  readonly rows: number;
  readonly by: string;
}

export class ResultCheck {
  private readonly request: CheckRequest;
  private readonly folder: string;
  private readonly eventFolder: string;
  private readonly expected = new Map<string, { readonly by: string; readonly rows: RowCounts }>();

  private constructor(request: CheckRequest, eventFolder: string) {
    this.request = request;
    this.folder = cacheFolder("bench", `check-${process.pid}`);
    this.eventFolder = eventFolder;
  }

  /** Computes DuckDB's side at once; it needs no engine. */
  static async prepare(request: CheckRequest): Promise<ResultCheck> {
    const { folder } = nexmarkEventFiles({ events: request.events, rate: CHECK_RATE, parts: 1 });
    const check = new ResultCheck(request, folder);
    const duckdb = await DuckDbReference.open(folder);
    try {
      for (const query of request.queries) {
        const reference = references.get(query);
        if (reference === undefined) continue;
        const rows = await duckdb.rowsOf(reference, join(check.folder, "duckdb", query));
        check.expected.set(query, { by: "DuckDB", rows });
      }
    } finally {
      duckdb.close();
    }
    for (const query of request.queries)
      if (isCepQuery(query))
        check.expected.set(query, { by: "a computation of its own", rows: cepRows(query, folder) });
    return check;
  }

  /** Runs a query on the engine and compares; the first engine's rows stand in where DuckDB has none. */
  async run(engine: Engine, query: string): Promise<CheckOutcome> {
    const folder = join(this.folder, engine.name, query);
    const script = nexmarkScript({
      query,
      input: { kind: "json", folder: this.eventFolder },
      sink: { kind: "files", folder },
      countCharFunction: this.request.countCharFunction,
      eventTime: true,
    });
    await engine.run(script, 1);
    const rows = readRows(folder, references.get(query));
    rmSync(folder, { recursive: true, force: true });
    const expected = this.expected.get(query);
    if (expected === undefined) {
      this.expected.set(query, { by: engine.name, rows });
      return { query, rows: countRows(rows), by: "nothing yet" };
    }
    const difference = compareRows(rows, expected.rows);
    if (difference.rows > 0)
      throw benchErrors.RESULT_DIFFERS({
        query,
        left: engine.name,
        right: expected.by,
        rows: difference.rows,
        examples: difference.examples.join("; "),
      });
    return { query, rows: countRows(rows), by: describeCheck(query, expected.by) };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function describeCheck(query: string, by: string): string {
  const columns = references.get(query)?.columns;
  const how = query === "q12" ? ", on event time" : "";
  return columns === undefined ? `${by}${how}` : `${by}, columns ${columns.join(" ")}`;
}
