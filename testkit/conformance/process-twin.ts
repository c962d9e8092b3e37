/** What the twins of Flink's process table functions are made of. */
import { type LogicalType, types } from "../../src/foundation/columnar/logical-type.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import type {
  ProcessDeclaration,
  ProcessParameter,
  ProcessState,
  TableTrait,
} from "../../src/foundation/plan/process-table-function.ts";
import type {
  ProcessContext,
  ProcessFunction,
  ProcessRow,
} from "../../src/dataplane/contract/process-function.ts";
import { objectsText } from "./process-texts.ts";

export const OUT = [{ name: "out", type: types.string() }];
export const SCORE: readonly Value[] = [null, null];
export const score = types.row([
  { name: "s", type: types.string() },
  { name: "i", type: types.int() },
]);

export const table = (name: string, ...traits: readonly TableTrait[]): ProcessParameter => ({
  name,
  kind: "table",
  traits,
});
export const scalar = (name: string, type: LogicalType): ProcessParameter => ({
  name,
  kind: "scalar",
  type,
});
export const state = (
  name: string,
  type: LogicalType,
  more: Partial<ProcessState> = {},
): ProcessState => ({
  name,
  kind: "value",
  type,
  ...more,
});

/** A function with what it declares. */
export interface ProcessTwin extends ProcessFunction {
  readonly declaration: ProcessDeclaration;
}

interface Twin {
  readonly parameters?: readonly ProcessParameter[];
  readonly state?: readonly ProcessState[];
  readonly eval: ProcessFunction["eval"];
  readonly onTimer?: NonNullable<ProcessFunction["onTimer"]>;
}

/** A function of one text column `out`. */
export function append({ parameters = [], state: entries = [], ...code }: Twin): ProcessTwin {
  const declaration = {
    parameters,
    state: entries,
    output: OUT,
    changelog: "insert-only",
  } as const;
  return { declaration, ...code };
}

export const emit = (context: ProcessContext, ...objects: readonly unknown[]): void =>
  context.collect([`{${objectsText(objects)}}`]);
export const rowOf = (value: unknown): ProcessRow | null => value as ProcessRow | null;
