/**
 * The rows that tables of the `values` connector read, and the rows that were written to them, by data id. The connector lives
 * in the tests' own thread, so that a test can put rows in, watch results come and add more input.
 *
 * Flow:    test → setValuesInput() → ValuesReader … ValuesWriter → valuesOutput() → test.
 */
import type { Schema } from "../../src/foundation/columnar/schema.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import type { TypedJson } from "./typed-json.ts";

/** One step of an input: a change or a watermark. */
export type ValuesEntry =
  | { readonly kind: number; readonly row: readonly TypedJson[] }
  | { readonly watermark: number };

export interface ValuesInput {
  readonly entries: readonly ValuesEntry[];
  /** So many entries can be read now. */
  available: number;
  /** The input ends behind the available entries; else its reader waits for more. */
  ends: boolean;
  /** One batch for all rows: for bounded plans, where nothing depends on the single row. */
  readonly wholeBatches: boolean;
  /** Wakes waiting readers. */
  readonly listeners: Set<() => void>;
  /** Entries that were handed out. */
  read: number;
}

export interface WrittenRow {
  readonly kind: number;
  readonly values: readonly Value[];
}

export interface ValuesOutput {
  readonly rows: WrittenRow[];
  schema: Schema | undefined;
}

const inputs = new Map<string, ValuesInput>();
const outputs = new Map<string, ValuesOutput>();

export function setValuesInput(
  id: string,
  entries: readonly ValuesEntry[],
  options: { available?: number; ends?: boolean; wholeBatches?: boolean } = {},
): ValuesInput {
  const input: ValuesInput = {
    entries,
    available: options.available ?? entries.length,
    ends: options.ends ?? true,
    wholeBatches: options.wholeBatches ?? false,
    listeners: new Set(),
    read: 0,
  };
  inputs.set(id, input);
  return input;
}

export function valuesInput(id: string): ValuesInput | undefined {
  return inputs.get(id);
}

/** What has been written under an id since clearValues(). */
export function valuesOutput(id: string): ValuesOutput {
  let output = outputs.get(id);
  if (output === undefined) {
    output = { rows: [], schema: undefined };
    outputs.set(id, output);
  }
  return output;
}

export function clearValues(): void {
  inputs.clear();
  outputs.clear();
}
