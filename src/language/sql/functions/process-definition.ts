/** processDefinition: what the validator knows of a process table function that a module of the user exports. */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type {
  TextParameter,
  UserProcessDeclaration,
} from "../../../foundation/plan/process-declaration.ts";
import type {
  ProcessParameter,
  ProcessState,
} from "../../../foundation/plan/process-table-function.ts";
import { validateErrors } from "../errors.ts";
import { parseExpression } from "../parser/parser.ts";
import { toLogicalType } from "../validator/data-type.ts";
import type { FunctionDefinition } from "./function-definition.ts";

/** `className` names it in plans, for the worker that loads it. */
export function processDefinition(
  name: string,
  className: string,
  declared: UserProcessDeclaration,
): FunctionDefinition {
  const typeOf = (text: string): LogicalType => {
    const node = parseExpression(`CAST(NULL AS ${text})`);
    if (node.kind === "cast") return toLogicalType(node.type);
    throw validateErrors.STATEMENT_INVALID({
      message: `Function ${name} declares '${text}', which is no type`,
      remedy: "Write types as in CREATE TABLE.",
    });
  };
  const { parameters = [], state = [], output, changelog = "insert-only" } = declared;
  const typed = <T extends { readonly type: string }>(one: T) => ({
    ...one,
    type: typeOf(one.type),
  });
  return {
    name,
    category: "table",
    forms: [`${name}(${parameters.map((one) => `${one.name} => …`).join(", ")})`],
    deterministic: declared.deterministic ?? true,
    process: {
      className,
      parameters: parameters.map((one) => parameterOf(one, typeOf)),
      state: state.map(
        ({ keyType, ...one }): ProcessState => ({
          ...typed(one),
          ...(keyType === undefined ? {} : { keyType: typeOf(keyType) }),
        }),
      ),
      output: output.map(typed),
      changelog,
    },
    bind: () => undefined,
  };
}

function parameterOf(
  parameter: TextParameter,
  typeOf: (text: string) => LogicalType,
): ProcessParameter {
  if (parameter.kind === "descriptor") return parameter;
  if (parameter.kind === "scalar") return { ...parameter, type: typeOf(parameter.type) };
  const { fields, ...rest } = parameter;
  if (fields === undefined) return rest;
  return { ...rest, fields: fields.map(({ name, type }) => ({ name, type: typeOf(type) })) };
}
