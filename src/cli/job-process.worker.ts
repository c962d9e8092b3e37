/** The entry of job processes: what the platform composes, for the runtime. Argument: the job's folder. */
import { defaultRegistry } from "../dataplane/connectors/registry.ts";
import { operatorFactories } from "../dataplane/operators/index.ts";
import { runJobProcess } from "../dataplane/runtime/process/job-process.ts";
import { loadKernels } from "./engine.ts";

await runJobProcess(process.argv[2] ?? "", {
  registry: defaultRegistry(),
  operators: operatorFactories,
  kernelsModule: loadKernels(),
  workerEntry: new URL("./engine.worker.ts", import.meta.url),
});
