/** Options of the test connector `values`, as Flink's tests use them. Source: Flink TestValuesTableFactory. */
import { FULL_CACHE_OPTIONS, PARTIAL_CACHE_OPTIONS } from "../../src/dataplane/contract/lookup.ts";
import type { TableOption } from "../../src/dataplane/contract/table-option.ts";

function option(key: string, type: TableOption["type"], description: string): TableOption {
  return { key, type, description };
}

const PLANNER = "Says what the planner may do; the rows are the same.";

export const VALUES_OPTIONS: readonly TableOption[] = [
  { key: "connector", type: "string", required: true, description: "`values`." },
  option(
    "data-id",
    "string",
    "Id under which the rows were registered; default: the table's name.",
  ),
  option("bounded", "boolean", "Whether the table ends."),
  option("terminating", "boolean", "Whether an unbounded table ends all the same."),
  option("changelog-mode", "string", "Kinds of change of a source: I,UA,UB,D."),
  option("source.produces-delete-by-key", "boolean", "Whether deletions carry only the key."),
  option("sink-insert-only", "boolean", "Whether the sink takes insertions only."),
  option("sink-changelog-mode-enforced", "string", "Kinds of change of a sink: I,UA,D."),
  option("sink.supports-delete-by-key", "boolean", "Whether the sink takes deletions by key."),
  ...FULL_CACHE_OPTIONS,
  ...PARTIAL_CACHE_OPTIONS,
  option("disable-lookup", "boolean", PLANNER),
  option("async", "boolean", PLANNER),
  option("filterable-fields", "string", PLANNER),
  option("enable-projection-push-down", "boolean", PLANNER),
  option("nested-projection-supported", "boolean", PLANNER),
  option("enable-watermark-push-down", "boolean", PLANNER),
  option("enable-vector-search", "boolean", PLANNER),
  option("scan.watermark.emit.strategy", "string", PLANNER),
  option("readable-metadata", "string", "Metadata columns that a source can read, with types."),
  option("writable-metadata", "string", "Metadata columns that a sink can write, with types."),
  option("partition-list", "string", PLANNER),
  option("runtime-source", "string", PLANNER),
  option("runtime-sink", "string", PLANNER),
  option("failing-source", "boolean", "Ignored: the runner injects failures itself."),
  option("source.sleep-after-elements", "integer", "Ignored: the runner decides what comes when."),
  option("source.sleep-time", "duration", "Ignored: the runner decides what comes when."),
];
