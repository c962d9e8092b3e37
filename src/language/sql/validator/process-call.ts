/**
 * A call of a process table function of the user: what its declaration asks of the arguments, and its output.
 *
 * Output:  keys of the partitioned tables (or all columns that are passed through), the function's own, rowtime.
 * Errors:  MR2118.
 * Source:  Flink SystemTypeInference, ProcessTableFunction's checks.
 */
import {
  type LogicalType,
  typeEquals,
  withNullable,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import type {
  ProcessDeclaration,
  UserProcess,
} from "../../../foundation/plan/process-table-function.ts";
import type { FunctionCallNode } from "../parser/ast.ts";
import { singleRow } from "./query-converter.ts";
import { isCharacter } from "./type-system.ts";
import type { ProcessRel } from "../rel/rel-node.ts";
import type { PlannerContext } from "./planner-context.ts";
import { type BoundTable, badArgument, bindArguments } from "./process-arguments.ts";
import { processRel } from "./process-functions.ts";
import type { QueryEnvironment } from "./query-converter.ts";

export function processCall(
  context: PlannerContext,
  environment: QueryEnvironment,
  node: FunctionCallNode,
  declaration: ProcessDeclaration & { readonly className: string },
): ProcessRel {
  const { className, parameters, state, output, changelog } = declaration;
  const bound = bindArguments(context, environment, node, parameters);
  const { tables } = bound;
  checkTables(declaration, tables, bound.onTime.length > 0, node);
  const own = [
    ...tables.flatMap(({ rel, passThrough, partitionKeys }) =>
      passThrough ? rel.schema.fields : partitionKeys.map((index) => rel.schema.fields[index]!),
    ),
    ...output,
  ];
  const implementation: UserProcess = {
    kind: "user",
    className,
    parameters: parameters.map(({ name }) => name),
    state,
    upserts: [],
    wholeDeletes: [],
    changelog,
    timers:
      tables.some(({ semantics }) => semantics === "set") &&
      !tables.some(({ passThrough }) => passThrough),
  };
  const rel = processRel(bound, node, own, implementation);
  const traits = Object.fromEntries(
    parameters.flatMap((one) => (one.kind === "table" ? [[one.name, one.traits]] : [])),
  );
  return { ...rel, traits, ...(tables.length > 0 ? {} : { inputs: [singleRow()] }) };
}

function checkTables(
  { parameters, state, changelog }: ProcessDeclaration,
  tables: readonly BoundTable[],
  timed: boolean,
  node: FunctionCallNode,
): void {
  const traitsOf = (name: string) => {
    const parameter = parameters.find((one) => one.name === name);
    return parameter?.kind === "table" ? parameter.traits : [];
  };
  for (const { name, semantics } of tables) {
    if (traitsOf(name).includes("require-on-time") && !timed)
      throw badArgument(
        `Table argument '${name}' requires a time attribute. Please provide one using the implicit \`on_time\` argument. For example: myFunction(..., on_time => DESCRIPTOR(\`my_timestamp\`))`,
        node,
      );
    if (semantics === "row" && state.length > 0)
      throw badArgument("A function with state requires a table argument with set semantics", node);
  }
  if (tables.length > 1 && tables.some(({ semantics }) => semantics === "row"))
    throw badArgument(
      "All table arguments must use set semantics if multiple tables are declared.",
      node,
    );
  if (tables.length > 1 && tables.some(({ passThrough }) => passThrough))
    throw badArgument(
      "Pass-through columns are not supported if multiple table arguments are declared.",
      node,
    );
  if (changelog === "upsert" && !tables.some(({ partitionKeys }) => partitionKeys.length > 0))
    throw badArgument(
      "PTFs that take table arguments with row semantics don't support an upsert output. Table argument must use set semantics and PARTITION BY.",
      node,
    );
  checkKeys(tables, node);
}

/** Texts of any length meet. */
function isSame(a: LogicalType, b: LogicalType): boolean {
  return typeEquals(a, b) || (a.kind === b.kind && isCharacter(a));
}

/** Tables of one call are co-partitioned: as many keys, of the same types. */
function checkKeys(tables: readonly BoundTable[], node: FunctionCallNode): void {
  const keyed = tables.map(({ rel, partitionKeys }) =>
    partitionKeys.map((index) =>
      withNullable(withoutTimeAttribute(rel.schema.fields[index]!.type), true),
    ),
  );
  const [first] = keyed;
  const same = keyed.every(
    (types) => types.length === first!.length && types.every((type, i) => isSame(type, first![i]!)),
  );
  if (!same)
    throw badArgument(
      "Invalid PARTITION BY columns. The number of columns and their data types must match across all involved table arguments.",
      node,
    );
}
