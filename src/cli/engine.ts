/**
 * The embedded engine put together for this process: connectors, operators, kernels, clock.
 *
 * Flow:    commands → here → runtime. Small queries run in this thread; jobs run in worker threads.
 */
import { readFileSync } from "node:fs";
import { defaultRegistry } from "../dataplane/connectors/registry.ts";
import type { ConnectorRegistry } from "../dataplane/contract/registry.ts";
import type { SinkPorts } from "../dataplane/contract/sink.ts";
import { operatorFactories } from "../dataplane/operators/index.ts";
import type { OperatorFactories } from "../dataplane/runtime/task/task-environment.ts";
import type { Env } from "../foundation/host/env.ts";
import { realEnv } from "../foundation/host/real-env.ts";

export interface EngineParts {
  readonly env: Env;
  readonly registry: ConnectorRegistry;
  readonly operators: OperatorFactories;
  readonly kernelsModule: WebAssembly.Module;
  readonly ports: SinkPorts;
}

export function engineParts(ports: SinkPorts): EngineParts {
  return {
    env: realEnv(),
    registry: defaultRegistry(),
    ports,
    operators: operatorFactories,
    kernelsModule: loadKernels(),
  };
}

export function loadKernels(): WebAssembly.Module {
  const file = new URL("../dataplane/kernels/kernels.wasm", import.meta.url);
  return new WebAssembly.Module(readFileSync(file));
}
