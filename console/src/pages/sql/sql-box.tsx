/** The SQL box: checks while one types, runs a query on the platform, shows its rows as they come. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import { ApiError, type Diagnostic, getCatalog, streamQuery } from "../../api-client/calls.ts";
import { count, duration } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { ResultGrid } from "../../widgets/result-grid.tsx";
import { ResultRows } from "../../widgets/result-rows.ts";
import { SqlEditor } from "./sql-editor.tsx";

const FIRST_QUERY = `SELECT origin, COUNT(*) AS flights, MAX(delay) AS worst_delay
FROM flights
GROUP BY origin`;
const REDRAW_MS = 250;

export function SqlBox() {
  const catalog = useQuery({ queryKey: ["catalog"], queryFn: getCatalog });
  const sql = useRef(FIRST_QUERY);
  const [problems, setProblems] = useState<readonly Diagnostic[]>([]);
  const run = useQueryRun();
  const start = useCallback(() => run.start(sql.current), [run.start]);
  const tables = catalog.data?.tables ?? [];
  return (
    <section className="panel" aria-label="SQL">
      <h2>SQL</h2>
      {catalog.data === undefined ? null : (
        <SqlEditor
          initial={FIRST_QUERY}
          catalog={catalog.data}
          onChange={(text) => {
            sql.current = text;
          }}
          onProblems={setProblems}
          onRun={start}
        />
      )}
      <ul className="problems" aria-live="polite">
        {problems.map((problem) => (
          <li key={`${problem.from}-${problem.code}`} data-severity={problem.severity}>
            {problem.code} {problem.message} <span className="muted">{problem.hint}</span>
          </li>
        ))}
      </ul>
      <div className="editor-bar">
        <button
          type="button"
          className="button primary"
          onClick={() => (run.running ? run.stop() : start())}
        >
          {run.running ? "Stop" : "Run"}
        </button>
        <span className="muted">
          Ctrl-Enter runs. Tables: {tables.map((table) => table.name).join(", ") || "none"}.
        </span>
        <span className="spacer" />
        <span className="muted">{run.summary}</span>
      </div>
      {run.error === undefined ? null : <Notice title="The query failed" error={run.error} />}
      {run.result.columns.length === 0 ? null : (
        <ResultGrid
          label="Rows of the query"
          columns={run.result.columns}
          rows={run.result.rows()}
        />
      )}
    </section>
  );
}

function useQueryRun() {
  const result = useRef(new ResultRows());
  const abort = useRef<AbortController | undefined>(undefined);
  const [state, setState] = useState({ running: false, summary: "", drawn: 0 });
  const [error, setError] = useState<unknown>(undefined);
  const start = useCallback(async (sql: string) => {
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    result.current = new ResultRows();
    setError(undefined);
    setState({ running: true, summary: "running …", drawn: 0 });
    let lastDrawn = 0;
    try {
      for await (const messages of streamQuery(sql, own.signal)) {
        for (const message of messages) {
          if (message.type === "error") throw new ApiError(message.error);
          if (message.type === "end") {
            const why = message.reason === "finished" ? "finished" : `stopped: ${message.reason}`;
            const summary = `${why}, ${count(message.rows)} changes in ${duration(message.elapsedMs)}`;
            setState((before) => ({ ...before, summary }));
          } else result.current.apply(message);
        }
        if (performance.now() - lastDrawn > REDRAW_MS) {
          lastDrawn = performance.now();
          setState((before) => ({ ...before, drawn: before.drawn + 1 }));
        }
      }
    } catch (failure) {
      if (!own.signal.aborted) setError(failure);
      setState((before) => ({ ...before, summary: own.signal.aborted ? "stopped" : "" }));
    }
    if (abort.current === own) setState((before) => ({ ...before, running: false }));
  }, []);
  const stop = useCallback(() => abort.current?.abort(), []);
  return { ...state, error, result: result.current, start, stop };
}
