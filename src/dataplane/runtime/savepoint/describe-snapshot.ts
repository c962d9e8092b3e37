/**
 * describeSnapshot: what a manifest says about its snapshot, for people and for the API: operators, entries, the columns under
 * which their state can be read.
 */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import { asStateHandle } from "../../state/state-handle.ts";
import type { CheckpointMetadata } from "../master/checkpoint-metadata.ts";
import { stateColumns } from "./state-columns.ts";

export interface SnapshotDescription {
  readonly kind: "checkpoint" | "savepoint";
  readonly checkpointId: number;
  readonly jobId: string;
  readonly triggeredAt: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly stateBytes: number;
  readonly operators: readonly DescribedOperator[];
}

export interface DescribedOperator {
  readonly uid: string;
  readonly type: string;
  readonly description: string;
  readonly entries: number;
  readonly maps: readonly {
    readonly name: string;
    readonly entries: number;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
  }[];
}

export function describeSnapshot(metadata: CheckpointMetadata): SnapshotDescription {
  const handles = metadata.states.filter((state) => state != null).map(asStateHandle);
  const { kind, checkpointId, jobId, triggeredMs, parallelism, maxParallelism } = metadata;
  const operators = metadata.nodes.flatMap((record): DescribedOperator[] => {
    const { uid, type, description } = record;
    const own = handles.flatMap((handle) => handle.maps.filter((map) => map.uid === uid));
    const names = [...new Set(own.map(({ name }) => name))];
    const isKept = metadata.sources[uid] !== undefined || metadata.sinks[uid] !== undefined;
    if (names.length === 0 && !isKept) return [];
    const maps = names.map((name) => {
      const parts = own.filter((map) => map.name === name);
      const columns = stateColumns(record, parts[0]!, parts[0]!.rows?.[0]).map((column) => ({
        name: column.name,
        type: typeToString(column.type),
      }));
      return { name, columns, entries: parts.reduce((sum, map) => sum + map.entries, 0) };
    });
    const entries = maps.reduce((sum, map) => sum + map.entries, 0);
    return [{ uid, type, description: description ?? type, entries, maps }];
  });
  const stateBytes = metadata.stateSizeBytes;
  const numbers = { checkpointId, parallelism, maxParallelism, stateBytes };
  return { kind, jobId, triggeredAt: triggeredMs, operators, ...numbers };
}
