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
import { ago, bytes, count, DASH, duration, rate, timestamp } from "../../widgets/format.ts";
import { Failure, Notice } from "../../widgets/notice.tsx";
import { Status } from "../../widgets/status.tsx";
import { useStream } from "../../widgets/use-stream.ts";
import { OperatorGraph } from "./operator-graph.tsx";
import { Results } from "./results.tsx";
import { Savepoints } from "./savepoints.tsx";
import { ThroughputChart } from "./throughput-chart.tsx";

/** Ten minutes at one sample a second. */
const MAX_SAMPLES = 600;
const WILL_RESTART = "The job failed and is being started again";
const ENDED = new Set(["FAILED", "CANCELED", "FINISHED", "SUSPENDED"]);

export function DeploymentPanel({ deployment }: { deployment: Deployment }) {
  const samples = useRef<MetricsSample[]>([]);
  const { job } = deployment;
  const isAlive = job !== null && !ENDED.has(job.status);
  const failure = useStream(
    isAlive ? job.jobId : undefined,
    (signal) => {
      samples.current = [];
      return streamMetrics(deployment.id, signal);
    },
    (items) => {
      samples.current = [...samples.current, ...items].slice(-MAX_SAMPLES);
    },
  );
  const last = samples.current.at(-1);
  const current = isAlive ? last : undefined;
  return (
    <>
      <div className="page-title">
        <h1>{deployment.name}</h1>
        {job === null ? (
          <span className="muted">✎ Draft</span>
        ) : (
          <Status status={job.status} desired={deployment.desired} />
        )}
        <span className="muted">{facts(deployment)}</span>
        <span className="spacer" />
        <Actions deployment={deployment} isAlive={isAlive} />
      </div>
      {job?.failure && job.status !== "RUNNING" ? (
        <Failure title={isAlive ? WILL_RESTART : "The job failed"} body={job.failure} />
      ) : null}
      {failure === undefined ? null : <Notice title="Metrics are stale" error={failure} />}
      <Numbers sample={current} restarts={job?.restarts} />
      <section className="panel" aria-labelledby="operators">
        <h2 id="operators">Operators</h2>
        <OperatorGraph deployment={deployment.id} sample={current} />
      </section>
      <div className={deployment.sinks.length > 0 ? "third-columns" : ""}>
        <section className="panel" aria-labelledby="throughput">
          <h2 id="throughput">Rows per second</h2>
          <ThroughputChart samples={samples.current} />
        </section>
        <Results deployment={deployment} />
      </div>
      <Savepoints deployment={deployment} isAlive={isAlive} />
    </>
  );
}

function facts({ job, target, parallelism }: Deployment): string {
  const parts = [target, `parallelism ${parallelism}`];
  if (job?.startedAt) {
    const until = job.endedAt ?? job.observedAt;
    const span = duration(Math.max(0, until - job.startedAt));
    parts.unshift(job.endedAt === null ? `for ${span}` : `after ${span}`);
  }
  return parts.join(" · ");
}

function Numbers(props: { sample: MetricsSample | undefined; restarts: number | undefined }) {
  const { sample } = props;
  const checkpoint = sample?.lastCheckpoint;
  const items: [string, string, (string | undefined)?][] = [
    ["Rows in", rate(sample?.rowsInPerSecond), sample && `${count(sample.rowsIn)} in total`],
    ["Rows out", rate(sample?.rowsOutPerSecond), sample && `${count(sample.rowsOut)} in total`],
    ["Watermark", ...splitTime(timestamp(sample?.watermark))],
    [
      "Last checkpoint",
      checkpoint ? bytes(checkpoint.bytes) : DASH,
      checkpoint ? `in ${duration(checkpoint.durationMs)}, ${ago(checkpoint.at, sample!.at)}` : "",
    ],
    ["Restarts", count(props.restarts), "of this job"],
  ];
  return (
    <dl className="kpis">
      {items.map(([name, value, note]) => (
        <div className="kpi" key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <span className="kpi-note">{note || "\u00a0"}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The time large, the date below it. */
function splitTime(text: string): [string, string] {
  const [date, time] = text.split(" ");
  return time === undefined ? [text, ""] : [time, date!];
}

function Actions({ deployment, isAlive }: { deployment: Deployment; isAlive: boolean }) {
  const queries = useQueryClient();
  const [busy, setBusy] = useState("");
  const [error, setError] = useState<unknown>(undefined);
  const canSave = deployment.job?.status === "RUNNING";
  const act = async (name: string, action: (id: string) => Promise<unknown>) => {
    setBusy(name);
    setError(undefined);
    try {
      await action(deployment.id);
    } catch (failure) {
      setError(failure);
    }
    await queries.invalidateQueries({ queryKey: ["deployments"] });
    setBusy("");
  };
  return (
    <>
      {error === undefined ? null : <Notice title="That did not work" error={error} />}
      {isAlive ? (
        <button
          type="button"
          className="button"
          disabled={busy !== ""}
          onClick={() => act("Stopping", stopDeployment)}
        >
          {busy === "" ? (canSave ? "Stop with savepoint" : "Stop") : `${busy} …`}
        </button>
      ) : (
        <button
          type="button"
          className="button primary"
          disabled={busy !== ""}
          onClick={() => act("Starting", (id) => startDeployment(id))}
        >
          {busy === "" ? startLabel(deployment) : `${busy} …`}
        </button>
      )}
    </>
  );
}

/** What came to its end by itself has no state to go on from. */
function startLabel({ job, desired }: Deployment): string {
  if (job === null) return "Start";
  return job.status === "FINISHED" && desired === "RUNNING"
    ? "Start again"
    : "Start from latest state";
}
