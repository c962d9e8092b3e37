/** withLineage: state whose maps say, of each field of the rows that they keep, what it is computed of. */
import type { ExecNode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { KeyedStateBackend } from "../../contract/keyed-state.ts";
import { operatorRecords } from "./operator-record.ts";

export function withLineage(
  state: KeyedStateBackend,
  node: ExecNode,
  plan: ExecPlan,
): KeyedStateBackend {
  return {
    maxParallelism: state.maxParallelism,
    operatorValue: (name) => state.operatorValue(name),
    map: (spec) => {
      if (spec.rows === undefined) return state.map(spec);
      const inputs = operatorRecords(plan)[plan.nodes.indexOf(node)]?.inputs;
      const rows = spec.rows.map((kept) => ({
        ...kept,
        fields: kept.fields.map((field, i) => {
          const lineage = inputs?.[kept.input]?.[i]?.lineage;
          return lineage === undefined ? field : { ...field, lineage };
        }),
      }));
      return state.map({ ...spec, rows });
    },
  };
}
