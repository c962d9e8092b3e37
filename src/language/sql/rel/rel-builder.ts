/**
 * Makes logical nodes with their schemas; merges trivial projections.
 *
 * Flow: validator and optimizer build nodes only through these.
 */
import {
  type LogicalType,
  type RowField,
  types,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { Expression, SortField } from "../../../foundation/plan/expression.ts";
import { and, conjuncts, fieldRefs, isTrue } from "./expressions.ts";
import type { JoinHints, JoinRel, RelAggregateCall, RelNode, TtlHint } from "./rel-node.ts";
import type { JoinTypeName } from "./rel-imports.ts";

/** Names made unique as Calcite does: b, b0, b1 … */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let candidate = name;
    for (let i = 0; used.has(candidate); i++) candidate = `${name}${i}`;
    used.add(candidate);
    return candidate;
  });
}

export function project(
  input: RelNode,
  expressions: readonly Expression[],
  names: readonly string[],
): RelNode {
  const unique = uniqueNames(names);
  const fields = expressions.map((e, i) => ({ name: unique[i]!, type: e.type }));
  if (isIdentity(expressions, input.schema)) {
    const same = unique.every((name, i) => name === input.schema.fields[i]!.name);
    if (same) return input;
  }
  return { kind: "project", input, expressions, schema: { fields } };
}

export function isIdentity(expressions: readonly Expression[], schema: Schema): boolean {
  return (
    expressions.length === schema.fields.length &&
    expressions.every((e, i) => e.kind === "input" && e.index === i)
  );
}

/** Keeps the fields `indexes`, in that order. */
export function select(input: RelNode, indexes: readonly number[]): RelNode {
  const fields = input.schema.fields;
  return project(
    input,
    indexes.map((index) => ({ kind: "input", index, type: fields[index]!.type })),
    indexes.map((index) => fields[index]!.name),
  );
}

/** Adds columns behind the input's. */
export function extend(
  input: RelNode,
  expressions: readonly Expression[],
  names: readonly string[],
): RelNode {
  if (expressions.length === 0) return input;
  const own = input.schema.fields.map((field) => field.name);
  return project(input, [...fieldRefs(input.schema), ...expressions], [...own, ...names]);
}

export function filter(input: RelNode, condition: Expression | undefined): RelNode {
  const parts = conjuncts(condition);
  if (parts.length === 0) return input;
  const whole = and(parts);
  if (isTrue(whole)) return input;
  if (input.kind === "filter")
    return { ...input, condition: and([...conjuncts(input.condition), ...parts]) };
  return { kind: "filter", input, condition: whole, schema: input.schema };
}

export function join(
  left: RelNode,
  right: RelNode,
  type: JoinTypeName,
  condition: Expression | undefined,
  extra: { readonly hints?: JoinHints; readonly temporal?: Expression } = {},
): JoinRel {
  return {
    kind: "join",
    left,
    right,
    type,
    condition,
    schema: joinSchema(left.schema, right.schema, type),
    hints: extra.hints ?? {},
    ...(extra.temporal === undefined ? {} : { temporal: extra.temporal }),
  };
}

export function joinSchema(left: Schema, right: Schema, type: JoinTypeName): Schema {
  if (type === "SEMI" || type === "ANTI") return left;
  const outer = (fields: readonly RowField[], nullable: boolean) =>
    nullable ? fields.map((f) => ({ ...f, type: withNullable(f.type, true) })) : fields;
  const fields = [
    ...outer(left.fields, type === "RIGHT" || type === "FULL"),
    ...outer(right.fields, type === "LEFT" || type === "FULL"),
  ];
  const names = uniqueNames(fields.map((field) => field.name));
  return { fields: fields.map((field, i) => ({ ...field, name: names[i]! })) };
}

export function aggregate(
  input: RelNode,
  grouping: readonly number[],
  calls: readonly RelAggregateCall[],
  ttl?: TtlHint,
): RelNode {
  const fields = [
    ...grouping.map((index) => input.schema.fields[index]!),
    ...calls.map((call) => ({ name: call.name, type: call.type })),
  ];
  const names = uniqueNames(fields.map((field) => field.name));
  return {
    kind: "aggregate",
    input,
    grouping,
    calls,
    schema: { fields: fields.map((field, i) => ({ name: names[i]!, type: field.type })) },
    ...(ttl === undefined ? {} : { ttl }),
  };
}

export function sort(
  input: RelNode,
  fields: readonly SortField[],
  offset: number,
  fetch: number,
): RelNode {
  if (fields.length === 0 && offset === 0 && fetch < 0) return input;
  return { kind: "sort", input, sort: fields, offset, fetch, schema: input.schema };
}

/** The columns that a window function appends. */
export function windowFields(time: LogicalType, attribute: "ROWTIME" | "PROCTIME"): RowField[] {
  const kind =
    time.kind === "TIMESTAMP_LTZ" || attribute === "PROCTIME" ? "TIMESTAMP_LTZ" : "TIMESTAMP";
  return [
    { name: "window_start", type: types.timestamp(3, false) },
    { name: "window_end", type: types.timestamp(3, false) },
    {
      name: "window_time",
      type: { kind, precision: 3, nullable: false, timeAttribute: attribute },
    },
  ];
}

export function windowTvf(input: RelNode, window: WindowSpec): RelNode {
  const extra = windowFields(window.time.type, window.time.attribute);
  const fields = [...input.schema.fields, ...extra];
  const names = uniqueNames(fields.map((field) => field.name));
  return {
    kind: "windowTvf",
    input,
    window,
    schema: { fields: fields.map((field, i) => ({ ...field, name: names[i]! })) },
  };
}

/** Inputs of one type but for NOT NULL: a column may be NULL where that of one input may. */
export function union(inputs: readonly RelNode[], all: boolean): RelNode {
  const fields = inputs[0]!.schema.fields.map((field, i) => {
    const nullable = inputs.some(({ schema }) => schema.fields[i]!.type.nullable);
    return nullable === field.type.nullable
      ? field
      : { ...field, type: { ...field.type, nullable } };
  });
  return setop("UNION", all, inputs, { fields });
}

export function setop(
  operator: "UNION" | "INTERSECT" | "MINUS",
  all: boolean,
  inputs: readonly RelNode[],
  schema: Schema,
): RelNode {
  return { kind: "setop", operator, all, inputs, schema };
}

/** Time attributes become ordinary timestamps (outputs of regular joins and aggregates). */
export function withoutAttributes(schema: Schema): Schema {
  if (schema.fields.every((field) => withoutTimeAttribute(field.type) === field.type))
    return schema;
  return {
    fields: schema.fields.map((field) => ({ ...field, type: withoutTimeAttribute(field.type) })),
  };
}
