/** The overview: one deployment after the other with its job, and the SQL box below. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { getDeployments } from "../../api-client/calls.ts";
import { Notice } from "../../widgets/notice.tsx";
import { Status } from "../../widgets/status.tsx";
import { SqlBox } from "../sql/sql-box.tsx";
import { DeploymentPanel } from "./deployment-panel.tsx";

const POLL_MS = 2000;

export function OverviewPage() {
  const deployments = useQuery({
    queryKey: ["deployments"],
    queryFn: getDeployments,
    refetchInterval: POLL_MS,
  });
  const [chosen, choose] = useState<string | undefined>(undefined);
  const all = deployments.data ?? [];
  const shown = all.find((deployment) => deployment.id === chosen) ?? all[0];
  return (
    <>
      {deployments.isError ? (
        <Notice title="The deployments cannot be listed" error={deployments.error} />
      ) : null}
      {all.length > 1 ? (
        <div className="tabs" role="tablist" aria-label="Deployments">
          {all.map((deployment) => (
            <button
              key={deployment.id}
              type="button"
              role="tab"
              aria-selected={deployment === shown}
              onClick={() => choose(deployment.id)}
            >
              {deployment.name} {deployment.job ? <Status status={deployment.job.status} /> : null}
            </button>
          ))}
        </div>
      ) : null}
      {shown === undefined ? (
        deployments.isPending ? null : (
          <p className="muted">
            Nothing is deployed. Start the platform without --no-demo to see the flight demo, or run
            a query below.
          </p>
        )
      ) : (
        <DeploymentPanel key={shown.id} deployment={shown} />
      )}
      <SqlBox />
    </>
  );
}
