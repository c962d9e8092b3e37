/** Live results of a deployment: one tab a sink, as a table, and as bars where a name meets a number. */
import { useRef, useState } from "react";
import { type Deployment, type ResultMessage, streamResults } from "../../api-client/calls.ts";
import { count } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { ResultGrid } from "../../widgets/result-grid.tsx";
import { ResultRows } from "../../widgets/result-rows.ts";
import { Tabs } from "../../widgets/tabs.tsx";
import { useStream } from "../../widgets/use-stream.ts";
import { Bars, plotColumns } from "./bars.tsx";

const PANEL = "result-rows";

export function Results({ deployment }: { deployment: Deployment }) {
  const [chosen, choose] = useState(deployment.sinks[0]);
  if (chosen === undefined) return null;
  return (
    <section className="panel" aria-labelledby="results">
      <h2 id="results">Results</h2>
      <Tabs
        label="Result tables"
        panel={PANEL}
        chosen={chosen}
        choose={choose}
        items={deployment.sinks.map((id) => ({ id, label: shortName(id) }))}
      />
      <div id={PANEL} role="tabpanel" aria-label={shortName(chosen)}>
        <SinkRows key={chosen} deployment={deployment} sink={chosen} />
      </div>
    </section>
  );
}

function SinkRows({ deployment, sink }: { deployment: Deployment; sink: string }) {
  const { job } = deployment;
  const result = useRef(new ResultRows());
  const [paused, setPaused] = useState(false);
  const isLive = job?.status === "RUNNING" || job?.status === "RESTARTING";
  const failure = useStream<ResultMessage>(
    job === null || paused ? undefined : `${job.jobId}/${sink}/${isLive}`,
    (signal) => streamResults(deployment.id, sink, signal),
    (messages) => {
      for (const message of messages) {
        if (message.type === "schema" || message.type === "rows") result.current.apply(message);
      }
    },
    { once: !isLive },
  );
  const { columns, received, missed } = result.current;
  const rows = result.current.rows();
  const plot = plotColumns(columns);
  if (columns.length === 0 && failure === undefined) {
    return (
      <p className="muted empty">
        {isLive ? "Waiting for the first rows …" : "No rows yet: start the deployment to see some."}
      </p>
    );
  }
  return (
    <>
      {failure === undefined ? null : <Notice title="These rows are stale" error={failure} />}
      <div className="result-bar">
        <span className="muted">
          {count(rows.length)} rows
          {isLive ? ` · ${count(received)} changes seen` : " when it ended"}
          {missed > 0 ? ` · ${count(missed)} more are not shown` : ""}
        </span>
        <span className="spacer" />
        {isLive ? (
          <button type="button" className="button" onClick={() => setPaused(!paused)}>
            {paused ? "Go on" : "Pause"}
          </button>
        ) : null}
      </div>
      <div className={plot === undefined ? "" : "columns"}>
        <div>
          <ResultGrid label={`Rows of ${shortName(sink)}`} columns={columns} rows={rows} />
        </div>
        {plot === undefined ? null : <Bars columns={columns} rows={rows} plot={plot} />}
      </div>
    </>
  );
}

function shortName(sink: string): string {
  return sink.split(".").at(-1)!;
}
