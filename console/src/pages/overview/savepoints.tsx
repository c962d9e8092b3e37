/** The savepoints of a deployment: taken, compared with the script, started from, and removed once that is confirmed. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  checkSavepoint,
  type Deployment,
  getSavepoints,
  removeSavepoint,
  type SavepointInfo,
  type StateVerdict,
  startDeployment,
  takeSavepoint,
} from "../../api-client/calls.ts";
import { bytes, timestamp } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";

interface Checked {
  readonly name: string;
  readonly operators: readonly StateVerdict[];
}

export function Savepoints({ deployment, isAlive }: { deployment: Deployment; isAlive: boolean }) {
  const queries = useQueryClient();
  const [busy, setBusy] = useState("");
  const [error, setError] = useState<unknown>(undefined);
  const [doomed, setDoomed] = useState("");
  const [checked, setChecked] = useState<Checked | undefined>(undefined);
  const key = ["savepoints", deployment.id];
  const { data = [] } = useQuery({
    queryKey: [...key, deployment.job?.status],
    queryFn: () => getSavepoints(deployment.id),
  });
  const act = async (name: string, action: () => Promise<unknown>) => {
    setBusy(name);
    setError(undefined);
    try {
      await action();
    } catch (failure) {
      setError(failure);
    }
    setDoomed("");
    await queries.invalidateQueries({ queryKey: key });
    await queries.invalidateQueries({ queryKey: ["deployments"] });
    setBusy("");
  };
  const canSave = deployment.job?.status === "RUNNING" && busy === "";
  return (
    <section className="panel" aria-labelledby="savepoints">
      <div className="page-title">
        <h2 id="savepoints">Savepoints</h2>
        <span className="spacer" />
        <button
          type="button"
          className="button"
          disabled={!canSave}
          onClick={() => act("taking", () => takeSavepoint(deployment.id))}
        >
          {busy === "taking" ? "Taking a savepoint …" : "Take a savepoint"}
        </button>
      </div>
      {error === undefined ? null : <Notice title="That did not work" error={error} />}
      {data.length === 0 ? (
        <p className="muted">
          None yet. A savepoint keeps the job's state in a folder of its own; the job runs on.
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
        <section className="grid-scroll" aria-label="List of savepoints" tabIndex={0}>
          <table className="grid">
            <thead>
              <tr>
                <th scope="col">Taken</th>
                <th scope="col">Folder</th>
                <th scope="col" className="number">
                  State
                </th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {data.map((savepoint) => (
                <tr key={savepoint.name}>
                  <td>{timestamp(savepoint.triggeredAt)}</td>
                  <td title={savepoint.path}>{savepoint.name}</td>
                  <td className="number">{bytes(savepoint.bytes)}</td>
                  <td>
                    <RowActions
                      savepoint={savepoint}
                      isAlive={isAlive}
                      isDoomed={doomed === savepoint.name}
                      busy={busy !== ""}
                      check={() =>
                        act("checking", async () => {
                          const { name } = savepoint;
                          setChecked({
                            name,
                            operators: await checkSavepoint(deployment.id, name),
                          });
                        })
                      }
                      start={() =>
                        act("starting", () => startDeployment(deployment.id, savepoint.name))
                      }
                      ask={(isAsked) => setDoomed(isAsked ? savepoint.name : "")}
                      remove={() =>
                        act("removing", () => removeSavepoint(deployment.id, savepoint.name))
                      }
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {checked === undefined ? null : <Verdicts {...checked} />}
    </section>
  );
}

function RowActions(props: {
  savepoint: SavepointInfo;
  isAlive: boolean;
  isDoomed: boolean;
  busy: boolean;
  check: () => void;
  start: () => void;
  ask: (isAsked: boolean) => void;
  remove: () => void;
}) {
  const { savepoint, isAlive, isDoomed, busy } = props;
  if (isDoomed)
    return (
      <>
        <span>Remove {savepoint.name} for ever? </span>
        <button type="button" className="button primary" disabled={busy} onClick={props.remove}>
          Remove
        </button>{" "}
        <button type="button" className="button" disabled={busy} onClick={() => props.ask(false)}>
          Keep
        </button>
      </>
    );
  return (
    <>
      <button type="button" className="button quiet" disabled={busy} onClick={props.check}>
        Compare
      </button>{" "}
      <button
        type="button"
        className="button quiet"
        disabled={busy || isAlive}
        title={isAlive ? "Stop the job first" : undefined}
        onClick={props.start}
      >
        Start from it
      </button>{" "}
      <button
        type="button"
        className="button quiet"
        disabled={busy}
        onClick={() => props.ask(true)}
      >
        Remove …
      </button>
    </>
  );
}

/** Whether the script can go on from a savepoint, operator by operator. */
function Verdicts({ name, operators }: Checked) {
  return (
    <>
      <h3>{name}: can this script go on from it?</h3>
      <ul aria-label="Verdicts">
        {operators.map(({ uid, verdict, reasons, description }) => (
          <li key={uid} title={description}>
            <strong>{verdict}</strong> <code>{uid}</code>{" "}
            {reasons.length > 0 ? <span className="muted">{reasons.join("; ")}</span> : null}
          </li>
        ))}
      </ul>
    </>
  );
}
