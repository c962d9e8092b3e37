/**
 * Functions that take tables: TO_CHANGELOG and FROM_CHANGELOG.
 *
 * Flow:    table-functions.ts → process-arguments.ts → here → ProcessRel.
 * Errors:  MR2118 arguments, MR2102 no such column.
 * Source:  Flink ToChangelogTypeStrategy, FromChangelogTypeStrategy, ChangelogTypeStrategyUtils.
 */
import { type RowField, types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import { ROW_KIND_NAMES } from "../../../foundation/columnar/row-kind.ts";
import {
  type FromChangelog,
  type ProcessArgument,
  type ProcessImplementation,
  type ProcessParameter,
  type ToChangelog,
  keysFirst,
} from "../../../foundation/plan/process-table-function.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { FunctionCallNode, Node } from "../parser/ast.ts";
import { uniqueNames } from "../rel/rel-builder.ts";
import type { ProcessRel } from "../rel/rel-node.ts";
import type { PlannerContext } from "./planner-context.ts";
import {
  type BoundArguments,
  type BoundTable,
  badArgument,
  bindArguments,
} from "./process-arguments.ts";
import type { QueryEnvironment } from "./query-converter.ts";
import { isCharacter } from "./type-system.ts";

const CHANGELOG: readonly ProcessParameter[] = [
  { name: "input", kind: "table", traits: ["row-semantics", "optional-partition-by"] },
  { name: "op", kind: "descriptor", optional: true },
  { name: "op_mapping", kind: "scalar", optional: true, type: types.null() },
];
const PARAMETERS: Readonly<Record<string, readonly ProcessParameter[]>> = {
  TO_CHANGELOG: [
    ...CHANGELOG,
    { name: "produces_full_deletes", kind: "scalar", optional: true, type: types.boolean() },
  ],
  FROM_CHANGELOG: [
    ...CHANGELOG,
    { name: "error_handling", kind: "scalar", optional: true, type: types.null() },
  ],
};

export const isChangelogFunction = (name: string): boolean => PARAMETERS[name] !== undefined;

export function changelogFunction(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  name: string,
): ProcessRel {
  const bound = bindArguments(context, environment, node, PARAMETERS[name]!);
  const [table] = bound.tables as [BoundTable];
  if (table.sort.length > 0)
    throw badArgument(`ORDER BY is not supported in the table argument of ${name}`, node);
  return name === "TO_CHANGELOG"
    ? toChangelog(bound, table, node)
    : fromChangelog(bound, table, node);
}

function toChangelog(bound: BoundArguments, table: BoundTable, node: FunctionCallNode): ProcessRel {
  const codes: (string | null)[] = [null, null, null, null];
  const pairs = mappingOf(bound, node);
  for (const [key, code] of pairs ?? ROW_KIND_NAMES.map((name) => [name, name] as const))
    for (const kind of kindsIn(key, node)) {
      if (codes[kind] !== null)
        throw badArgument(
          `Invalid 'op_mapping': Duplicate change operation: '${ROW_KIND_NAMES[kind]}'`,
          node,
        );
      codes[kind] = code;
    }
  const fullDeletes = booleanOf(bound, "produces_full_deletes", true, node);
  const { fields } = table.rel.schema;
  const op: RowField = { name: descriptorOf(bound, "op"), type: types.string(false) };
  const keys = table.partitionKeys;
  const output = keysFirst(fields.length, keys).map((index, at): RowField => {
    const { name, type } = fields[index]!;
    if (fullDeletes || at < keys.length) return { name, type };
    return { name, type: withNullable(type, true) };
  });
  const own = [...output.slice(0, keys.length), op, ...output.slice(keys.length)];
  const implementation: ToChangelog = { kind: "to-changelog", codes, fullDeletes };
  return processRel(bound, node, own, implementation);
}

function fromChangelog(
  bound: BoundArguments,
  table: BoundTable,
  node: FunctionCallNode,
): ProcessRel {
  const { fields } = table.rel.schema;
  const name = descriptorOf(bound, "op");
  const op = fields.findIndex((field) => field.name === name);
  if (op < 0)
    throw validateErrors.COLUMN_NOT_FOUND(
      { column: name, known: fields.map((field) => field.name).join(", ") },
      { at: node.span },
    );
  if (!isCharacter(fields[op]!.type))
    throw badArgument(`The op column '${name}' must be of a character string type`, node);
  if (table.partitionKeys.includes(op))
    throw badArgument(`The op column '${name}' must not be part of the PARTITION BY clause`, node);
  const kinds: Record<string, number> = {};
  const pairs = mappingOf(bound, node) ?? ROW_KIND_NAMES.map((kind) => [kind, kind] as const);
  for (const [codes, kindName] of pairs) {
    const named = kindsIn(kindName, node);
    if (named.length !== 1)
      throw badArgument(`Invalid 'op_mapping': '${kindName}' is more than one operation`, node);
    for (const code of codes.split(",").map((part) => part.trim())) {
      if (kinds[code] !== undefined)
        throw badArgument(`Invalid 'op_mapping': Duplicate op code: '${code}'`, node);
      kinds[code] = named[0]!;
    }
  }
  checkKinds(Object.values(kinds), table, node);
  const implementation: FromChangelog = {
    kind: "from-changelog",
    op,
    kinds,
    skip: handlingOf(bound, node) === "SKIP",
  };
  const output = keysFirst(fields.length, table.partitionKeys).filter((index) => index !== op);
  return processRel(
    bound,
    node,
    output.map((index) => fields[index]!),
    implementation,
  );
}

/** Updates come in pairs, or alone by key: then the key must be known. */
function checkKinds(kinds: readonly number[], table: BoundTable, node: FunctionCallNode): void {
  const before = kinds.includes(1);
  const after = kinds.includes(2);
  if (before && !after)
    throw badArgument("Invalid 'op_mapping': UPDATE_BEFORE requires UPDATE_AFTER", node);
  if (after && !before && table.partitionKeys.length === 0)
    throw badArgument(
      "The 'op_mapping' maps UPDATE_AFTER without UPDATE_BEFORE (upsert mode), which requires a PARTITION BY clause that names the key",
      node,
    );
}

function handlingOf(bound: BoundArguments, node: FunctionCallNode): "FAIL" | "SKIP" {
  const argument = bound.byName.get("error_handling")!;
  if (argument.kind !== "scalar") return "FAIL";
  const text = textOf(argument.value)?.toUpperCase();
  if (text === "FAIL" || text === "SKIP") return text;
  throw badArgument("The argument 'error_handling' must be 'FAIL' or 'SKIP'", node);
}

function descriptorOf(bound: BoundArguments, name: string): string {
  const argument = bound.byName.get(name)!;
  if (argument.kind !== "descriptor") return name;
  if (argument.columns.length === 1) return argument.columns[0]!;
  throw badArgument(
    `The descriptor of argument '${name}' must contain exactly one column name`,
    bound.nodes.get(name)!,
  );
}

function booleanOf(bound: BoundArguments, name: string, otherwise: boolean, node: Node): boolean {
  const argument = bound.byName.get(name)!;
  if (argument.kind !== "scalar") return otherwise;
  const { value } = argument;
  if (value.kind === "literal" && typeof value.value === "boolean") return value.value;
  throw badArgument(`The argument '${name}' must be TRUE or FALSE`, node);
}

function textOf(expression: Expression | undefined): string | undefined {
  if (expression?.kind === "call" && expression.function === "CAST")
    return textOf(expression.args[0]);
  return expression?.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;
}

/** The pairs of `MAP['…', '…']`. */
function mappingOf(
  bound: BoundArguments,
  node: FunctionCallNode,
): (readonly [string, string])[] | undefined {
  const argument = bound.byName.get("op_mapping")!;
  if (argument.kind !== "scalar") return undefined;
  const refused = () =>
    badArgument("The argument 'op_mapping' must be a MAP of string literals", node);
  let { value } = argument;
  while (value.kind === "call" && value.function === "CAST") value = value.args[0]!;
  if (value.kind !== "call" || value.function !== "MAP" || value.args.length === 0) throw refused();
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i < value.args.length; i += 2) {
    const key = textOf(value.args[i]);
    const mapped = textOf(value.args[i + 1]);
    if (key === undefined || mapped === undefined) throw refused();
    pairs.push([key, mapped]);
  }
  return pairs;
}

/** `INSERT, UPDATE_AFTER` as RowKinds. */
function kindsIn(text: string, node: Node): number[] {
  return text.split(",").map((part) => {
    const kind = (ROW_KIND_NAMES as readonly string[]).indexOf(part.trim());
    if (kind >= 0) return kind;
    throw badArgument(
      `Invalid 'op_mapping': Unknown change operation: '${part.trim()}'. Valid values are: [${ROW_KIND_NAMES.join(", ")}]`,
      node,
    );
  });
}

export function processRel(
  bound: BoundArguments,
  node: FunctionCallNode,
  own: readonly RowField[],
  implementation: ProcessImplementation,
): ProcessRel {
  const rowtime = bound.onTime.map(
    (index, i): RowField => ({
      name: "rowtime",
      type: bound.tables[i]!.rel.schema.fields[index]!.type,
    }),
  );
  const all = [...own, ...rowtime.slice(0, 1)];
  const names = uniqueNames(all.map((field) => field.name));
  const args: readonly ProcessArgument[] = bound.list;
  return {
    kind: "process",
    inputs: bound.tables.map(({ rel }) => rel),
    schema: { fields: all.map((field, i) => ({ name: names[i]!, type: field.type })) },
    spec: {
      function: node.name.parts.at(-1)!.name,
      tables: bound.tables.map(({ rel: _, ...table }) => table),
      arguments: args,
      uidArgument: bound.uid,
      onTime: bound.onTime,
      implementation,
    },
  };
}
