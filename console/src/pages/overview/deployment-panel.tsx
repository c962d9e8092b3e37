/** One deployment: status, numbers, operator graph, throughput, live results. */
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import {
  type Deployment,
  type MetricsSample,
  startDeployment,
  stopDeployment,
  streamMetrics,
} from "../../api-client/calls.ts";
import { bytes, count, DASH, duration, rate, timestamp } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { Status } from "../../widgets/status.tsx";
import { useStream } from "../../widgets/use-stream.ts";
import { OperatorGraph } from "./operator-graph.tsx";
import { Results } from "./results.tsx";
import { ThroughputChart } from "./throughput-chart.tsx";

/** Ten minutes at one sample a second. */
const MAX_SAMPLES = 600;
const ALIVE = new Set(["INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING"]);

export function DeploymentPanel({ deployment }: { deployment: Deployment }) {
  const samples = useRef<MetricsSample[]>([]);
  const { job } = deployment;
  const failure = useStream(
    job === null ? undefined : job.jobId,
    (signal) => {
      samples.current = [];
      return streamMetrics(deployment.id, signal);
    },
    (items) => {
      samples.current = [...samples.current, ...items].slice(-MAX_SAMPLES);
    },
  );
  const last = samples.current.at(-1);
  return (
    <>
      <div className="page-title">
        <h1>{deployment.name}</h1>
        {job === null ? <span className="muted">✎ Draft</span> : <Status status={job.status} />}
        {job?.startedAt ? (
          <span className="muted">
            since {duration((job.endedAt ?? job.observedAt) - job.startedAt)} · {deployment.target}{" "}
            · parallelism {deployment.parallelism}
          </span>
        ) : null}
        <span className="spacer" />
        <Actions deployment={deployment} />
      </div>
      {job?.failure ? (
        <div className="notice" role="alert">
          <strong>The job failed</strong>
          <div>
            <code>{job.failure.code}</code> {job.failure.message}
          </div>
          <div className="muted">{job.failure.hint}</div>
        </div>
      ) : null}
      {failure === undefined ? null : <Notice title="Metrics are stale" error={failure} />}
      <Numbers sample={last} restarts={job?.restarts} />
      <div className="columns">
        <section className="panel" aria-label="Operator graph">
          <h2>Operators</h2>
          <OperatorGraph deployment={deployment.id} sample={last} />
        </section>
        <section className="panel" aria-label="Throughput">
          <h2>Rows per second</h2>
          <ThroughputChart samples={samples.current} />
        </section>
      </div>
      <Results deployment={deployment} />
    </>
  );
}

function Numbers(props: { sample: MetricsSample | undefined; restarts: number | undefined }) {
  const { sample } = props;
  const checkpoint = sample?.lastCheckpoint;
  const items: [string, string][] = [
    ["Rows in", rate(sample?.rowsInPerSecond)],
    ["Rows out", rate(sample?.rowsOutPerSecond)],
    ["Rows in, total", count(sample?.rowsIn)],
    ["Watermark", timestamp(sample?.watermark)],
    [
      "Last checkpoint",
      checkpoint ? `${bytes(checkpoint.bytes)} in ${duration(checkpoint.durationMs)}` : DASH,
    ],
    ["Restarts", count(props.restarts)],
  ];
  return (
    <dl className="kpis" style={{ margin: 0 }}>
      {items.map(([name, value]) => (
        <div className="kpi" key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Actions({ deployment }: { deployment: Deployment }) {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const alive = deployment.job !== null && ALIVE.has(deployment.job.status);
  const act = async (action: (id: string) => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await action(deployment.id);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
    await queries.invalidateQueries({ queryKey: ["deployments"] });
  };
  return (
    <>
      {error === undefined ? null : <Notice title="That did not work" error={error} />}
      <button
        type="button"
        className="button"
        disabled={busy}
        onClick={() => act(alive ? stopDeployment : startDeployment)}
      >
        {alive ? "Stop with savepoint" : "Start from latest state"}
      </button>
    </>
  );
}
