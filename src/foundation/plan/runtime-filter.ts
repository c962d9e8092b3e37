/** The nodes of runtime filters: what a join's build side has as keys, told to its probe side. Source: Flink BatchExecRuntimeFilter. */

/** What a filter is made for; the same on both builders. */
interface FilterSize {
  /** Fields of the join's build side. */
  readonly keys: readonly number[];
  /** Names of these fields, for the description. */
  readonly keyNames: readonly string[];
  readonly estimatedRows: number;
  /** With more rows than these there is no filter: everything passes. */
  readonly maxRows: number;
}

/** Keys of a subtask's rows of a join's build side: a row (rows BIGINT, filter BYTES), NULL when there are too many. */
interface LocalFilterBuilderSpec extends FilterSize {
  readonly type: "LocalRuntimeFilterBuilder";
}

/** The filters of all subtasks as one. */
interface GlobalFilterBuilderSpec extends FilterSize {
  readonly type: "GlobalRuntimeFilterBuilder";
}

/** Drops rows of the second input whose keys the filter of the first one does not know. Output: the second input's fields. */
interface FilterSpec {
  readonly type: "RuntimeFilter";
  readonly keys: readonly number[];
  /** Of the keys: the share that is dropped. */
  readonly estimatedFilterRatio: number;
}

export type RuntimeFilterSpec = LocalFilterBuilderSpec | GlobalFilterBuilderSpec | FilterSpec;
