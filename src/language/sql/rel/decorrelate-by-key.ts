/**
 * Decorrelation by key: where a subquery's rows are compared for equality with the outer query, what is computed over all
 * of them (an aggregate, OVER, LIMIT) is computed per value of the compared columns.
 *
 * Flow:    decorrelate.ts, with the conditions already pulled out of the input.
 * Rules:   a condition `inner = outer` makes `inner` a key; any other condition must read key columns only, so that it holds
 *          for all rows of a key or for none.
 * Source:  Flink CorrelateSortToRankRule for LIMIT.
 */
import { types } from "../../../foundation/columnar/logical-type.ts";
import {
  type Expression,
  call,
  input,
  inputRefs,
  literal,
} from "../../../foundation/plan/expression.ts";
import type { Pulled } from "./decorrelate.ts";
import { and, hasOuterRef, isCall, remapRefs } from "./expressions.ts";
import { extend, filter, select } from "./rel-builder.ts";
import type { OverRel, RelNode, SortRel } from "./rel-node.ts";

/** The input with a column for each key; undefined when the conditions are no comparison by key. */
export function correlationKeys(
  inner: Pulled,
): (Pulled & { readonly keys: readonly number[] }) | undefined {
  const width = inner.rel.schema.fields.length;
  const added: Expression[] = [];
  const keys = new Set<number>();
  const rest: Expression[] = [];
  const conditions = inner.conditions.map((condition): Expression => {
    const sides = equalitySides(condition);
    if (sides === undefined) {
      rest.push(condition);
      return condition;
    }
    const { own, other, name } = sides;
    const index = own.kind === "input" ? own.index : width + added.push(own) - 1;
    keys.add(index);
    return call(name, [input(index, own.type), other], condition.type);
  });
  if (rest.some((condition) => [...inputRefs(condition)].some((index) => !keys.has(index))))
    return undefined;
  const names = added.map((_, i) => `$key${i}`);
  return { rel: extend(inner.rel, added, names), conditions, keys: [...keys] };
}

/** `own = other`: one side reads the subquery alone, the other the outer query alone. */
function equalitySides(
  condition: Expression,
): { readonly own: Expression; readonly other: Expression; readonly name: string } | undefined {
  if (!isCall(condition, "EQUALS") && !isCall(condition, "IS_NOT_DISTINCT_FROM")) return undefined;
  const [a, b] = condition.args as [Expression, Expression];
  const isOwn = (e: Expression) => !hasOuterRef(e) && inputRefs(e).size > 0;
  const isOther = (e: Expression) => hasOuterRef(e) && inputRefs(e).size === 0;
  const name = condition.function;
  if (isOwn(a) && isOther(b)) return { own: a, other: b, name };
  return isOwn(b) && isOther(a) ? { own: b, other: a, name } : undefined;
}

/** OVER with the keys in its partition; columns that were added below move behind its calls. */
export function pullOver(rel: OverRel, inner: Pulled): Pulled | undefined {
  const found = correlationKeys(inner);
  if (found === undefined) return undefined;
  const { keys } = found;
  const partition = [...rel.partition, ...keys.filter((key) => !rel.partition.includes(key))];
  const base = rel.input.schema.fields.length;
  const width = found.rel.schema.fields.length;
  const calls = rel.schema.fields.slice(base);
  const over: RelNode = {
    ...rel,
    input: found.rel,
    partition,
    schema: { fields: [...found.rel.schema.fields, ...calls] },
  };
  const order = [
    ...Array.from({ length: base }, (_, i) => i),
    ...calls.map((_, i) => width + i),
    ...Array.from({ length: width - base }, (_, i) => base + i),
  ];
  return {
    rel: select(over, order),
    conditions: found.conditions.map((c) => remapRefs(c, (i) => order.indexOf(i))),
  };
}

/** ORDER BY … LIMIT for each key: the rows whose number within their key is within the limit. */
export function limitByKey(rel: SortRel, inner: Pulled): Pulled | undefined {
  const found = correlationKeys(inner);
  if (found === undefined || rel.sort.length === 0) return undefined;
  const { fields } = found.rel.schema;
  const bigint = types.bigint(false);
  const numbered: RelNode = {
    kind: "over",
    input: found.rel,
    partition: found.keys,
    sort: rel.sort,
    unit: "ROWS",
    start: { kind: "unboundedPreceding" },
    end: { kind: "currentRow" },
    calls: [
      {
        function: "ROW_NUMBER",
        args: [],
        distinct: false,
        ignoreNulls: false,
        type: bigint,
        name: "$number",
      },
    ],
    schema: { fields: [...fields, { name: "$number", type: bigint }] },
  };
  const number = input(fields.length, bigint);
  const boolean = types.boolean(false);
  const bounds: Expression[] = [];
  if (rel.offset > 0)
    bounds.push(call("GREATER_THAN", [number, literal(String(rel.offset), bigint)], boolean));
  if (rel.fetch >= 0) {
    const last = literal(String(rel.offset + rel.fetch), bigint);
    bounds.push(call("LESS_THAN_OR_EQUAL", [number, last], boolean));
  }
  const kept = select(
    filter(numbered, and(bounds)),
    fields.map((_, i) => i),
  );
  return { rel: kept, conditions: found.conditions };
}
