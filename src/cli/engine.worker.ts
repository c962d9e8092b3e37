/** The entry of worker threads: what the command line composes, for the runtime. */
import { defaultRegistry } from "../dataplane/connectors/registry.ts";
import { operatorFactories } from "../dataplane/operators/index.ts";
import { runWorkerThread } from "../dataplane/runtime/worker/worker-thread.ts";

runWorkerThread({
  registry: defaultRegistry(),
  operators: operatorFactories,
});
