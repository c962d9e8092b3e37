/**
 * Entry of job processes and their worker threads in these tests: the built-in connectors and
 * operators, as the platform has them.
 */
import { isMainThread } from "node:worker_threads";
import { defaultRegistry } from "../../src/dataplane/connectors/registry.ts";
import { operatorFactories } from "../../src/dataplane/operators/index.ts";
import { runJobProcess } from "../../src/dataplane/runtime/process/job-process.ts";
import { runWorkerThread } from "../../src/dataplane/runtime/worker/worker-thread.ts";
import { loadTestKernels } from "../../testkit/worker-runtime.ts";

const bindings = { registry: defaultRegistry(), operators: operatorFactories };
if (!isMainThread) runWorkerThread(bindings);
else if (process.argv[2] !== undefined)
  await runJobProcess(process.argv[2], {
    ...bindings,
    kernelsModule: await loadTestKernels(),
    workerEntry: new URL(import.meta.url),
  });
