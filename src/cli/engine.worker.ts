/** The entry of worker threads: what the command line composes, for the runtime. */
import { defaultRegistry } from "../dataplane/connectors/registry.ts";
import { operatorFactories } from "../dataplane/operators/index.ts";
import { runWorkerThread } from "../dataplane/runtime/worker/worker-thread.ts";
import { withPorts } from "./ports.ts";

runWorkerThread({
  registry: withPorts(defaultRegistry(), { print: (text) => process.stdout.write(text) }),
  operators: operatorFactories,
});
