/**
 * What asynchronous requests ask: functions of the user call by call, models by batches of rows.
 *
 * Errors: those of the user's code and of the model's provider; results are checked against the declared types.
 */
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { AsyncRequest } from "../../../foundation/plan/async-request.ts";
import { baseErrors } from "../../../foundation/base/errors.ts";
import { openedFunction, userValue } from "../../codegen/functions/user-functions.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { functionEnvironment } from "../base-operator.ts";

/** The rows that one row is joined with. */
export type Answer = readonly (readonly Value[])[];

export interface Asker {
  /** For messages. */
  readonly name: string;
  /** One promise a row of arguments, in their order. `again`: they were asked for before. */
  ask(rows: readonly (readonly Value[])[], again?: boolean): Promise<Answer>[];
  close(): void;
}

export function createAsker(
  request: AsyncRequest,
  fields: readonly RowField[],
  context: OperatorContext,
): Asker {
  if (request.kind === "model") return modelAsker(request, fields, context);
  const environment = functionEnvironment(context);
  if (request.kind === "scalar") {
    const { name, function: own } = openedFunction(request.function, "async-scalar", environment);
    const type = fields[0]!.type;
    const one = async (args: readonly Value[]): Promise<Answer> => [
      [userValue(await own.eval(...args), type)],
    ];
    return { name, ask: (rows) => rows.map(one), close: () => {} };
  }
  const { name, function: own } = openedFunction(request.function, "async-table", environment);
  const one = async (args: readonly Value[]): Promise<Answer> =>
    Array.from(await own.eval(...args), (given) => rowOf(given, fields));
  return { name, ask: (rows) => rows.map(one), close: () => {} };
}

function rowOf(given: unknown, fields: readonly RowField[]): readonly Value[] {
  const parts = fields.length === 1 && !Array.isArray(given) ? [given] : given;
  if (!Array.isArray(parts) || parts.length !== fields.length)
    throw new TypeError(`it gives rows of ${fields.length} fields by its declaration`);
  return fields.map(({ type }, i) => userValue(parts[i], type));
}

function modelAsker(
  request: Extract<AsyncRequest, { kind: "model" }>,
  fields: readonly RowField[],
  context: OperatorContext,
): Asker {
  const { name, options, input } = request;
  if (context.openModel === undefined)
    throw baseErrors.UNSUPPORTED({ what: "a model without providers", remedy: "Run it in a job." });
  const model = context.openModel({ name, options, input, output: fields });
  return {
    name: `model ${name}`,
    ask: (rows) => {
      const promises: Promise<Answer>[] = [];
      for (let from = 0; from < rows.length; from += model.batchRows) {
        const part = rows.slice(from, from + model.batchRows);
        const answers = model.predict(part);
        promises.push(...part.map((_, i) => answers.then((all) => all[i] ?? [])));
      }
      return promises;
    },
    close: () => model.close(),
  };
}
