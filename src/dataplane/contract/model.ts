/**
 * ModelProvider: what answers ML_PREDICT for the models of one `provider`.
 *
 * Flow:    CREATE MODEL … WITH ('provider' = …) → plan → operators/async-correlate → open() → predict() by batches of rows.
 * Rules:   secrets of the options never go into messages. Retries, order and the number of requests are the operator's.
 * Source:  Flink ModelProvider, AsyncPredictRuntimeProvider.
 */
import type { RowField } from "../../foundation/columnar/logical-type.ts";
import type { Timers } from "../../foundation/host/env.ts";
import type { Value } from "../../foundation/columnar/value-reader.ts";
import type { TableOption } from "./table-option.ts";

export interface ModelDescription {
  /** Its identifier, for messages. */
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly input: readonly RowField[];
  readonly output: readonly RowField[];
}

export interface Model {
  /** The most rows of one request. */
  readonly batchRows: number;
  /** For each row of inputs the rows of outputs. */
  predict(rows: readonly (readonly Value[])[]): Promise<readonly (readonly (readonly Value[])[])[]>;
  /** Ends the requests that are under way. Idempotent. */
  close(): void;
}

export interface ModelProvider {
  /** The value of 'provider'. */
  readonly identifier: string;
  readonly options: readonly TableOption[];
  /** Throws a catalogue error when the model's options or columns are not what it can serve. */
  validate(model: ModelDescription): void;
  /** `timers`: for waits between retries. */
  open(model: ModelDescription, timers: Timers): Model;
}
