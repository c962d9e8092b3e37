/** The overview: one deployment with its job, the others as tabs, and the SQL box below. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { getDeployments } from "../../api-client/calls.ts";
import { Notice } from "../../widgets/notice.tsx";
import { Skeleton } from "../../widgets/skeleton.tsx";
import { Status } from "../../widgets/status.tsx";
import { Tabs } from "../../widgets/tabs.tsx";
import { DeploymentPanel } from "./deployment-panel.tsx";

const POLL_MS = 1000;
/** The editor brings the parser and validator with it: the page shows before they are there. */
const SqlBox = lazy(async () => ({ default: (await import("../sql/sql-box.tsx")).SqlBox }));

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
        <Notice
          title={
            deployments.data === undefined
              ? "The deployments cannot be listed"
              : `As of ${new Date(deployments.dataUpdatedAt).toTimeString().slice(0, 8)}, trying again`
          }
          error={deployments.error}
        />
      ) : null}
      {all.length > 1 ? (
        <Tabs
          label="Deployments"
          chosen={shown?.id}
          choose={choose}
          items={all.map(({ id, name, job, desired }) => ({
            id,
            label: (
              <>
                {name} {job ? <Status status={job.status} desired={desired} /> : null}
              </>
            ),
          }))}
        />
      ) : null}
      {deployments.isPending ? (
        <Skeleton label="Loading the deployments" height={400} />
      ) : shown === undefined ? (
        deployments.isError ? null : (
          <section className="panel centred" aria-labelledby="empty">
            <h1 id="empty">Nothing is deployed yet</h1>
            <p>
              Run a query below, or start the platform without <code>--no-demo</code> to see the
              flight demo at work.
            </p>
          </section>
        )
      ) : (
        <div className={deployments.isError ? "stale stack" : "stack"}>
          <DeploymentPanel key={shown.id} deployment={shown} />
        </div>
      )}
      <Suspense fallback={<Skeleton label="Loading the editor" height={240} />}>
        <SqlBox />
      </Suspense>
    </>
  );
}
