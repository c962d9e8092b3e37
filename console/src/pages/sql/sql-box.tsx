/** The SQL box: checks while one types, runs a query on the platform, shows its rows as they come. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import {
  ApiError,
  type Catalog,
  type Diagnostic,
  getCatalog,
  streamQuery,
} from "../../api-client/calls.ts";
import { count, duration } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { ResultGrid } from "../../widgets/result-grid.tsx";
import { ResultRows } from "../../widgets/result-rows.ts";
import { Skeleton } from "../../widgets/skeleton.tsx";
import { type EditorActions, SqlEditor } from "./sql-editor.tsx";

const DEMO_QUERY = `SELECT origin, COUNT(*) AS flights, MAX(delay) AS worst_delay
FROM flights
GROUP BY origin`;
const KEYS = `Ctrl+Enter runs
Ctrl+Space completes
Shift+Alt+F formats
F12, Ctrl+click go to the definition
Ctrl+K Ctrl+I tells what is at the cursor
Ctrl+Shift+Space shows the signature`;
const REDRAW_MS = 250;
const SHOWN_PROBLEMS = 5;
const ENDS = {
  finished: "Finished",
  limit: "Stopped at its limit",
  timeout: "Stopped after its time limit",
  canceled: "Stopped",
} as const;

export function SqlBox() {
  const catalog = useQuery({
    queryKey: ["catalog"],
    queryFn: getCatalog,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const hasDemo = catalog.data?.tables.some(({ name }) => name === "flights");
  return (
    <section className="panel" aria-labelledby="sql">
      <h2 id="sql">SQL</h2>
      {catalog.isError ? (
        <Notice title="The tables cannot be listed" error={catalog.error} />
      ) : catalog.data === undefined ? (
        <Skeleton label="Loading the tables" height={160} />
      ) : (
        <Editor catalog={catalog.data} initial={hasDemo ? DEMO_QUERY : "SELECT 1"} />
      )}
    </section>
  );
}

function Editor({ catalog, initial }: { catalog: Catalog; initial: string }) {
  const sql = useRef(initial);
  const [problems, setProblems] = useState<readonly Diagnostic[]>([]);
  const actions = useRef<EditorActions | undefined>(undefined);
  const run = useQueryRun();
  const start = useCallback(() => {
    actions.current?.closePopups();
    return run.start(sql.current);
  }, [run.start]);
  const hasErrors = problems.some(({ severity }) => severity === "error");
  const { columns, missed } = run.result;
  return (
    <>
      <SqlEditor
        initial={initial}
        catalog={catalog}
        onChange={(text) => {
          sql.current = text;
        }}
        onProblems={setProblems}
        onRun={start}
        onReady={(ready) => {
          actions.current = ready;
        }}
      />
      <Problems problems={problems} text={sql.current} />
      <div className="editor-bar">
        <button
          type="button"
          className="button primary"
          disabled={!run.running && hasErrors}
          onClick={() => (run.running ? run.stop() : start())}
        >
          {run.running ? "Stop" : "Run"}
        </button>
        <button
          type="button"
          className="button"
          title="Shift+Alt+F"
          onClick={() => actions.current?.format()}
        >
          Format
        </button>
        <span className="muted" title={KEYS}>
          <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs
        </span>
        <span className="muted" role="status">
          {run.summary}
          {missed > 0 ? ` · ${count(missed)} rows are not shown` : ""}
        </span>
        <span className="spacer" />
        <Tables catalog={catalog} />
      </div>
      {run.error === undefined ? null : <Notice title="The query failed" error={run.error} />}
      {columns.length === 0 ? null : (
        <ResultGrid label="Rows of the query" columns={columns} rows={run.result.rows()} />
      )}
    </>
  );
}

function Problems(props: { problems: readonly Diagnostic[]; text: string }) {
  return (
    <ul className="problems" aria-label="Problems" aria-live="polite">
      {props.problems.slice(0, SHOWN_PROBLEMS).map((problem) => (
        <li key={`${problem.from}-${problem.code}`} data-severity={problem.severity}>
          <span className="problem-place">{placeOf(props.text, problem.from)}</span>{" "}
          {problem.message} <span className="muted">{problem.hint}</span>{" "}
          <code className="muted">{problem.code}</code>
        </li>
      ))}
    </ul>
  );
}

function Tables({ catalog }: { catalog: Catalog }) {
  if (catalog.tables.length === 0) return <span className="muted">No tables yet</span>;
  return (
    <span className="muted">
      Tables:{" "}
      {catalog.tables.map(({ name, columns }, index) => (
        <span key={name}>
          {index > 0 ? ", " : ""}
          <code title={columns.map((column) => `${column.name} ${column.type}`).join("\n")}>
            {name}
          </code>
        </span>
      ))}
    </span>
  );
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${before.at(-1)!.length + 1}`;
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
    setState({ running: true, summary: "Running …", drawn: 0 });
    let lastDrawn = 0;
    try {
      for await (const messages of streamQuery(sql, own.signal)) {
        for (const message of messages) {
          if (message.type === "error") throw new ApiError(message.error);
          if (message.type === "end") {
            const what = result.current.received > 0 ? "changes" : "rows";
            const changes = `${count(message.rows)} ${what} in ${duration(message.elapsedMs)}`;
            const summary = `${ENDS[message.reason]}, ${changes}`;
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
      setState((before) => ({ ...before, summary: own.signal.aborted ? "Stopped" : "" }));
    }
    if (abort.current === own) setState((before) => ({ ...before, running: false }));
  }, []);
  const stop = useCallback(() => abort.current?.abort(), []);
  return { ...state, error, result: result.current, start, stop };
}
