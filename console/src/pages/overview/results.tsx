/** Live results of a deployment: one tab a sink, as a table, and as bars where a name meets a number. */
import { useRef, useState } from "react";
import { type Deployment, type ResultMessage, streamResults } from "../../api-client/calls.ts";
import { count } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { ResultGrid } from "../../widgets/result-grid.tsx";
import { ResultRows } from "../../widgets/result-rows.ts";
import { useStream } from "../../widgets/use-stream.ts";
import { Bars, plotColumns } from "./bars.tsx";

export function Results({ deployment }: { deployment: Deployment }) {
  const [chosen, choose] = useState(deployment.sinks[0]);
  if (chosen === undefined) return null;
  return (
    <section className="panel" aria-label="Results">
      <h2>Results</h2>
      <div className="tabs" role="tablist" aria-label="Result tables">
        {deployment.sinks.map((sink) => (
          <button
            key={sink}
            type="button"
            role="tab"
            aria-selected={sink === chosen}
            onClick={() => choose(sink)}
          >
            {sink.split(".").at(-1)}
          </button>
        ))}
      </div>
      <SinkRows key={chosen} deployment={deployment} sink={chosen} />
    </section>
  );
}

function SinkRows({ deployment, sink }: { deployment: Deployment; sink: string }) {
  const result = useRef(new ResultRows());
  const [broken, setBroken] = useState<unknown>(undefined);
  const failure = useStream<ResultMessage>(
    deployment.job === null ? undefined : `${deployment.job.jobId}/${sink}`,
    (signal) => streamResults(deployment.id, sink, signal),
    (messages) => {
      for (const message of messages) {
        if (message.type === "schema" || message.type === "rows") result.current.apply(message);
        else if (message.type === "error") setBroken(new Error(message.error.message));
      }
    },
  );
  const { columns, received } = result.current;
  const rows = result.current.rows();
  const newestFirst = [...rows].reverse();
  const plot = plotColumns(columns);
  return (
    <>
      {failure === undefined && broken === undefined ? null : (
        <Notice title="These rows are stale" error={failure ?? broken} />
      )}
      <p className="muted" style={{ margin: "0 0 8px" }}>
        {count(rows.length)} rows now, {count(received)} changes received.
      </p>
      <div className={plot === undefined ? "" : "columns"}>
        <div>
          <ResultGrid label={`Rows of ${sink}`} columns={columns} rows={newestFirst} />
        </div>
        {plot === undefined ? null : <Bars columns={columns} rows={rows} plot={plot} />}
      </div>
    </>
  );
}
