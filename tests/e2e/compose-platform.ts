/**
 * The platform put together in this process, for tests of the console: real store, controller, embedded target and server
 * on a free port, with the demo's tables.
 */
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DEMO_DEPLOYMENT,
  DEMO_STATEMENTS,
  demoTables,
  prepareDemoFiles,
} from "../../src/cli/demo/flight-demo.ts";
import { sqlHost } from "../../src/cli/sql-host.ts";
import { VERSION } from "../../src/cli/version.ts";
import { Sessions } from "../../src/controlplane/access/sessions.ts";
import { createServer } from "../../src/controlplane/api/server.ts";
import { DeploymentController } from "../../src/controlplane/controller/deployments.ts";
import { PreviewRunner } from "../../src/controlplane/controller/preview.ts";
import { Workspace } from "../../src/controlplane/controller/workspace.ts";
import { Store } from "../../src/controlplane/store/store.ts";
import { EmbeddedTarget } from "../../src/controlplane/targets/embedded/embedded-target.ts";
import { realEnv } from "../../src/foundation/host/real-env.ts";

export interface Platform {
  /** The one-time sign-in link. */
  readonly link: string;
  close(): Promise<void>;
}

export async function composePlatform(consoleFolder: string, port = 0): Promise<Platform> {
  const env = realEnv();
  const data = await mkdtemp(join(tmpdir(), "millrace-e2e-"));
  const files = await prepareDemoFiles(env.files, join(data, "demo"));
  const workspace = new Workspace({ ddl: demoTables(files, 4320), host: sqlHost() });
  const store = Store.open(join(data, "metadata.db"));
  const target = new EmbeddedTarget({
    env,
    jobsFolder: join(data, "jobs"),
    savepointsFolder: join(data, "savepoints"),
    entry: new URL("../../src/cli/job.worker.ts", import.meta.url),
  });
  const deployments = new DeploymentController({
    store,
    target,
    env,
    planScript: (script) => workspace.planScript(script),
  });
  const previews = new PreviewRunner({
    target,
    env,
    planQuery: (sql) => workspace.planQuery(sql),
  });
  await deployments.recover();
  const demo = await deployments.create({ name: DEMO_DEPLOYMENT, script: DEMO_STATEMENTS });
  await deployments.start(demo.id);
  const sessions = new Sessions(store, env);
  const server = await createServer({
    env,
    version: VERSION,
    deployments,
    workspace,
    previews,
    sessions,
    consoleFolder,
  });
  await server.listen({ host: "127.0.0.1", port });
  const { port: bound } = server.server.address() as AddressInfo;
  return {
    link: `http://127.0.0.1:${bound}/?t=${await sessions.issueSignIn()}`,
    close: async () => {
      await server.close();
      await target.prune(new Set());
      await deployments.close();
      await store.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

if (import.meta.main) {
  const folder = new URL("../../dist/console", import.meta.url).pathname;
  const platform = await composePlatform(folder, Number(process.argv[2] ?? 0));
  process.stdout.write(`${platform.link}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void platform.close());
  }
}
