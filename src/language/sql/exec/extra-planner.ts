/**
 * OVER aggregates, table functions, sorting a stream by time: planned when the engine has their operators.
 *
 * Source: Flink StreamPhysicalOverAggregateRule, StreamPhysicalCorrelateRule, StreamPhysicalTemporalSortRule.
 */
import { planErrors } from "../errors.ts";
import { withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { OverAggregateCall } from "../../../foundation/plan/exec-node.ts";
import { REPLICATE_ROWS } from "../../../foundation/plan/expression.ts";
import { isTrue } from "../rel/expressions.ts";
import type { CorrelateRel, OverRel, RelNode, SortRel } from "../rel/rel-node.ts";
import {
  ALL,
  INSERT,
  type PhysNode,
  forward,
  hashBy,
  isInsertOnly,
  singleton,
} from "./phys-node.ts";
import type { PhysicalPlanner } from "./physical-planner.ts";
import { planAsyncTable, planPrediction } from "./async-planner.ts";
import { isAsyncCall } from "./needed-calls.ts";
import { planVectorSearch } from "./vector-search-planner.ts";
import { attributeAt, timeColumn } from "./time-joins.ts";

export function planOver(planner: PhysicalPlanner, rel: OverRel): PhysNode {
  if (!planner.options.hasNode("OverAggregate"))
    throw planErrors.NODE_MISSING({
      what: `${rel.calls.map((call) => call.function).join(", ")} OVER (…)`,
      remedy: "Filter ROW_NUMBER() to a Top-N, or aggregate by windows.",
    });
  const input = planner.plan(rel.input);
  const first = rel.sort[0]?.index ?? -1;
  const timed = attributeAt(input.schema, first) !== undefined;
  const streaming = planner.options.mode === "streaming";
  if (streaming) checkStreaming(planner, rel, input, timed);
  const base = input.schema.fields.length;
  const fields = [...input.schema.fields, ...rel.schema.fields.slice(base)];
  return planner.factory.make(
    {
      type: "OverAggregate",
      partitionKeys: rel.partition,
      sort: rel.sort,
      ...(timed ? { time: timeColumn(input.schema, first) } : {}),
      unit: rel.unit,
      start: rel.start,
      end: rel.end,
      aggregates: rel.calls.map((call) => withOffset(call, rel.input)),
      generateUpdateBefore: false,
      retract: !isInsertOnly(input),
    },
    [{ node: input, distribution: hashBy(rel.partition) }],
    { fields },
    { kinds: streaming && !timed ? ALL : input.kinds, upsertKeys: input.upsertKeys },
  );
}

/** LEAD and LAG by a constant that the input computes: the operator keeps no more rows than that. */
function withOffset(call: OverAggregateCall, input: RelNode): OverAggregateCall {
  if (call.function !== "LAG" && call.function !== "LEAD") return call;
  const expression = input.kind === "project" ? input.expressions[call.args[1] ?? -1] : undefined;
  if (expression?.kind !== "literal") return call;
  const offset = Number(expression.value);
  return Number.isInteger(offset) ? { ...call, offset } : call;
}

const RANKS = new Set(["ROW_NUMBER", "RANK", "DENSE_RANK"]);
const NEEDS_WHOLE_PARTITION = new Set(["PERCENT_RANK", "CUME_DIST", "NTILE"]);

function checkStreaming(
  planner: PhysicalPlanner,
  rel: OverRel,
  input: PhysNode,
  timed: boolean,
): void {
  const refuse = (message: string) =>
    planErrors.WINDOW_PLAN({ message, remedy: "Order by the time attribute, ascending." });
  const whole = rel.calls.find((c) => NEEDS_WHOLE_PARTITION.has(c.function));
  if (whole !== undefined)
    throw planErrors.WINDOW_PLAN({
      message: `${whole.function} Function is not supported in stream mode.`,
      remedy: "Use ROW_NUMBER(), RANK() or DENSE_RANK(), or batch mode.",
    });
  if (rel.sort.length === 0) {
    const ranks = rel.calls.some((c) => RANKS.has(c.function));
    throw refuse(
      ranks
        ? "Over Agg: The window rank function requires order by clause with non-constant fields."
        : "OVER of a stream needs ORDER BY: the whole partition is known only at its end.",
    );
  }
  if (rel.end.kind !== "currentRow")
    throw refuse("OVER RANGE FOLLOWING windows are not supported yet.");
  if (!timed) return;
  if (rel.sort[0]!.descending)
    throw refuse("OVER windows' ordering in stream mode must be ascending in its time attribute.");
  planner.requireInsertOnly(input, "StreamPhysicalOverAggregate");
}

export function planCorrelate(planner: PhysicalPlanner, rel: CorrelateRel): PhysNode {
  if (rel.search !== undefined) return planVectorSearch(planner, rel, rel.search);
  if (rel.model !== undefined) return planPrediction(planner, rel, rel.model);
  const name = rel.call.kind === "call" ? rel.call.function : "a table function";
  if (name === REPLICATE_ROWS) return planReplication(planner, rel);
  if (isAsyncCall(rel.call)) return planAsyncTable(planner, rel, rel.call);
  if (!planner.options.hasNode("Correlate"))
    throw planErrors.NODE_MISSING({
      what: `${name} in FROM`,
      remedy: "Unnest the data before it reaches Millrace.",
    });
  const input = planner.plan(rel.input);
  const base = input.schema.fields.length;
  const extra = rel.schema.fields.slice(base).map((field) => ({
    ...field,
    type: withNullable(field.type, rel.type === "LEFT" || field.type.nullable),
  }));
  return planner.factory.make(
    {
      type: "Correlate",
      joinType: rel.type,
      call: rel.call,
      ...(rel.condition === undefined || isTrue(rel.condition) ? {} : { condition: rel.condition }),
    },
    [{ node: input, distribution: forward }],
    { fields: [...input.schema.fields, ...extra] },
    { kinds: input.kinds },
  );
}

/** Flink's internal option: a stream that ends is sorted at its end. */
const NON_TEMPORAL_SORT = "__table.exec.sort.non-temporal.enabled__";

/** Everything is kept until the input ends, then emitted in order (Flink StreamExecSort). */
function planSort(planner: PhysicalPlanner, rel: SortRel, input: PhysNode): PhysNode {
  return planner.factory.make(
    {
      type: "SortLimit",
      sort: rel.sort,
      offset: rel.offset,
      limit: rel.fetch,
      generateUpdateBefore: false,
      retract: !isInsertOnly(input),
    },
    [{ node: input, distribution: singleton }],
    input.schema,
    { kinds: INSERT, upsertKeys: input.upsertKeys },
  );
}

function planReplication(planner: PhysicalPlanner, rel: CorrelateRel): PhysNode {
  const input = planner.plan(rel.input);
  const refs = rel.call.kind === "call" ? rel.call.args : [];
  const [count, ...fields] = refs.map((e) => (e.kind === "input" ? e.index : -1));
  const own = input.schema.fields;
  const extra = rel.schema.fields.slice(rel.input.schema.fields.length);
  const copies = fields.map((index, i) => ({ name: extra[i]!.name, type: own[index]!.type }));
  return planner.factory.make(
    { type: "ReplicateRows", count: count!, fields },
    [{ node: input, distribution: forward }],
    { fields: [...own, ...copies] },
    { kinds: input.kinds },
  );
}

export function planTemporalSort(
  planner: PhysicalPlanner,
  rel: SortRel,
  input: PhysNode,
): PhysNode {
  const [first] = rel.sort;
  const timed = first !== undefined && attributeAt(input.schema, first.index) !== undefined;
  const untimed = planner.options.option(NON_TEMPORAL_SORT)?.toLowerCase() === "true";
  if (untimed && (!timed || first.descending)) return planSort(planner, rel, input);
  if (!timed || first.descending) throw planErrors.SORT_UNBOUNDED({});
  if (!planner.options.hasNode("TemporalSort"))
    throw planErrors.NODE_MISSING({
      what: "ORDER BY of a stream by its time attribute",
      remedy: "Add LIMIT, or run in batch mode.",
    });
  planner.requireInsertOnly(input, "StreamPhysicalTemporalSort");
  return planner.factory.make(
    { type: "TemporalSort", sort: rel.sort, time: timeColumn(input.schema, first.index) },
    [{ node: input, distribution: singleton }],
    input.schema,
    { kinds: INSERT },
  );
}
