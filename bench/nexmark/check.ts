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

interface Expected {
  readonly by: string;
  readonly rows: RowCounts;
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
  /** Open as long as a query may ask for it. */
  private readonly duckdb: DuckDbReference;
  /** Of queries that have no reference: the first engine's rows. */
  private readonly first = new Map<string, Expected>();

  private constructor(request: CheckRequest, eventFolder: string, duckdb: DuckDbReference) {
    this.request = request;
    this.duckdb = duckdb;
    this.folder = cacheFolder("bench", `check-${process.pid}`);
    this.eventFolder = eventFolder;
  }

  /** Gives DuckDB the events. */
  static async prepare(request: CheckRequest): Promise<ResultCheck> {
    const { folder } = nexmarkEventFiles({ events: request.events, rate: CHECK_RATE, parts: 1 });
    return new ResultCheck(request, folder, await DuckDbReference.open(folder));
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
    const expected = await this.expectedOf(query);
    if (expected === undefined) {
      this.first.set(query, { by: engine.name, rows });
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

  /** Computed when it is needed and not kept: the rows of all queries are many. */
  private async expectedOf(query: string): Promise<Expected | undefined> {
    if (isCepQuery(query))
      return { by: "a computation of its own", rows: cepRows(query, this.eventFolder) };
    const reference = references.get(query);
    if (reference === undefined) return this.first.get(query);
    const folder = join(this.folder, "duckdb", query);
    const rows = await this.duckdb.rowsOf(reference, folder);
    rmSync(folder, { recursive: true, force: true });
    return { by: "DuckDB", rows };
  }

  close(): void {
    this.duckdb.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function describeCheck(query: string, by: string): string {
  const columns = references.get(query)?.columns;
  const how = query === "q12" ? ", on event time" : "";
  return columns === undefined ? `${by}${how}` : `${by}, columns ${columns.join(" ")}`;
}
