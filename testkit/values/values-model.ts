/**
 * The model provider `values`: answers ML_PREDICT from a list of inputs and what each one gives, as Flink's tests do.
 *
 * Data:    'data' = JSON, [[inputs, [outputs, …]], …]; texts, numbers and truth values.
 * Errors:  a row that is not in the list fails its request.
 */
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import type { ModelProvider } from "../../src/dataplane/contract/model.ts";
import { checkOptions, type TableOption } from "../../src/dataplane/contract/table-option.ts";

type Row = readonly Value[];

const OPTIONS: readonly TableOption[] = [
  { key: "provider", type: "string", required: true, description: "`values`." },
  { key: "data", type: "string", required: true, description: "What each input gives, as JSON." },
];

export const valuesModels: ModelProvider = {
  identifier: "values",
  options: OPTIONS,
  validate: ({ name, options }) => checkOptions(`model ${name}`, OPTIONS, options),
  open: ({ options }) => {
    const data = JSON.parse(options["data"]!) as readonly (readonly [Row, readonly Row[]])[];
    const answers = new Map(data.map(([row, given]) => [JSON.stringify(row), given]));
    return {
      batchRows: 1,
      predict: async (rows) =>
        rows.map((row) => {
          const found = answers.get(JSON.stringify(row));
          if (found === undefined) throw new Error("the model has no answer for the row");
          return found;
        }),
      close: () => undefined,
    };
  },
};
