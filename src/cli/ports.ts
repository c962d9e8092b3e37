/** Sinks that print or collect find this process's ways out in their context. */
import type { ConnectorRegistry } from "../dataplane/contract/registry.ts";
import type { SinkPorts } from "../dataplane/contract/sink.ts";

export function withPorts(registry: ConnectorRegistry, ports: SinkPorts): ConnectorRegistry {
  return {
    ...registry,
    sink: (identifier) => {
      const factory = registry.sink(identifier);
      return {
        ...factory,
        createWriter: (context) => factory.createWriter({ ...context, ports }),
      };
    },
  };
}
