/** Asks the connectors of a plan whether they know the options of its tables: a misspelt one would be ignored otherwise. */
import type { ConnectorRegistry } from "../dataplane/contract/registry.ts";
import { lookupScanOf, vectorScanOf } from "../dataplane/contract/lookup.ts";
import type { ExecPlan } from "../foundation/plan/exec-node.ts";

/** Throws MR10xx or MR30xx at the first table that its connector refuses. */
export function validateTables(plan: ExecPlan, registry: ConnectorRegistry): void {
  for (const node of plan.nodes) {
    if (node.type === "TableSourceScan") {
      registry.source(node.table.options.connector ?? "").validate(node);
    } else if (node.type === "VectorSearchTableFunction") {
      registry.source(node.table.options.connector ?? "").validate(vectorScanOf(node));
    } else if (node.type === "LookupJoin") {
      registry.source(node.table.options.connector ?? "").validate(lookupScanOf(node));
    } else if (node.type === "AsyncCorrelate") {
      const { request, fields } = node;
      if (request.kind === "model")
        registry
          .modelProvider?.(request.options.provider ?? "")
          .validate({ ...request, output: fields });
    } else if (node.type === "Sink") {
      registry.sink(node.table.options.connector ?? "").validate(node);
    }
  }
}
