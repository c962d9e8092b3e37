/**
 * The catalogue of built-in functions, by name without regard to case.
 *
 * Flow: validator/calls.ts looks names up here after the user's functions; the editor lists them.
 */
import { aggregateFunctions } from "./aggregate-functions.ts";
import { collectionFunctions } from "./collection-functions.ts";
import type { FunctionDefinition } from "./function-definition.ts";
import { scalarFunctions } from "./scalar-functions.ts";

/** Other spellings → the canonical name of the expression IR. */
const ALIASES: Readonly<Record<string, string>> = {
  CHARACTER_LENGTH: "CHAR_LENGTH",
  LENGTH: "CHAR_LENGTH",
  CEILING: "CEIL",
  POW: "POWER",
  UCASE: "UPPER",
  LCASE: "LOWER",
  TRANSLATE3: "TRANSLATE",
  SUM_0: "SUM0",
  $SUM0: "SUM0",
  STRING_AGG: "LISTAGG",
  TIMESTAMP_DIFF: "TIMESTAMPDIFF",
  FLATTEN: "FLATTEN",
  SHA: "SHA1",
};

const byName = new Map<string, FunctionDefinition>();
for (const definition of [...scalarFunctions, ...collectionFunctions, ...aggregateFunctions])
  byName.set(definition.name, definition);

export function builtinFunction(name: string): FunctionDefinition | undefined {
  const upper = name.toUpperCase();
  return byName.get(ALIASES[upper] ?? upper);
}

/** Names for completion, SHOW FUNCTIONS and "did you mean". */
export function builtinFunctionNames(): readonly string[] {
  names ??= [...byName.keys(), ...Object.keys(ALIASES)].sort();
  return names;
}
let names: readonly string[] | undefined;
