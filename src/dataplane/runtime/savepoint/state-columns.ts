/**
 * stateColumns: the columns under which one map of an operator's state is read: its key fields, then what it keeps.
 *
 * Aggregates: the finished values of the accumulators, typed as the plan has them; in other maps counters and fixed fields.
 * Rows:     of joins, Top-N, deduplication, OVER: one row each, with the columns of the input that they are of.
 * Left out: lists and other blocks whose form the snapshot does not tell: of those only their number (`rows`, `keys`) is told.
 */
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { isUserAggregate } from "../../codegen/aggregates/user-aggregates.ts";
import type { AggregateCall } from "../../../foundation/plan/expression.ts";
import type { StateField, StateRows } from "../../contract/keyed-state.ts";
import type { MapLayout } from "../../state/state-handle.ts";
import type { OperatorRecord } from "./operator-record.ts";

export interface StateColumn {
  readonly name: string;
  readonly type: LogicalType;
  readonly from:
    | { readonly part: "key"; readonly index: number }
    | { readonly part: "result"; readonly index: number }
    | { readonly part: "row"; readonly index: number }
    | { readonly part: "value"; readonly field: StateField };
}

/** `rows`: what of the map's rows is read; undefined where it keeps none. */
export function stateColumns(
  record: OperatorRecord,
  layout: MapLayout,
  rows: StateRows | undefined,
): readonly StateColumn[] {
  if (rows !== undefined)
    return withOwnNames(
      rows.fields.map(({ name, type }, index) => ({ name, type, from: { part: "row", index } })),
    );
  const keys = layout.keyFields.map(
    ({ name, type }, index): StateColumn => ({
      name,
      type: typeof type === "string" ? types.bigint(false) : type,
      from: { part: "key", index },
    }),
  );
  const calls = resultCalls(record, layout);
  const values =
    calls?.map(
      ({ name, type, state }, index): StateColumn => ({
        name: /^(EXPR)?\$/.test(name) ? (state?.name ?? name) : name,
        type,
        from: { part: "result", index },
      }),
    ) ?? layout.valueFields.flatMap(rawColumn);
  return withOwnNames([...keys, ...values]);
}

function withOwnNames(columns: readonly StateColumn[]): readonly StateColumn[] {
  const used = new Set<string>();
  return columns.map((column) => {
    let { name } = column;
    for (let n = 2; used.has(name); n++) name = `${column.name}_${n}`;
    used.add(name);
    return { ...column, name };
  });
}

/** The calls whose accumulators a map holds; undefined when it holds something else. */
export function resultCalls(
  { type, aggregates }: OperatorRecord,
  { name }: MapLayout,
): readonly AggregateCall[] | undefined {
  if (aggregates === undefined || name !== "groups") return undefined;
  const isPlain = ({ distinct, function: called }: AggregateCall) =>
    !distinct || called === "MIN" || called === "MAX";
  const calls = type === "WindowAggregate" ? aggregates.calls.filter(isPlain) : aggregates.calls;
  return calls.some(isUserAggregate) ? undefined : calls;
}

function rawColumn(field: StateField): StateColumn[] {
  const { name, type } = field;
  if (type === "handle" || name === "last") return [];
  const from = { part: "value", field } as const;
  return [{ name, type: typeof type === "string" ? types.bigint(false) : type, from }];
}
