/** The library of SQL functions, by canonical name; the operators of the IR are in ../expressions/operators.ts. */
import { arithmeticFunctions } from "./arithmetic-functions.ts";
import { bitmapFunctions } from "./bitmap-functions.ts";
import { collectionFunctions } from "./collection-functions.ts";
import { formatFunctions } from "./format-functions.ts";
import { jsonConstructFunctions } from "./json-construct-functions.ts";
import { jsonFunctions } from "./json-functions.ts";
import { miscFunctions } from "./misc-functions.ts";
import { momentFunctions } from "./moment-functions.ts";
import { nestedCastFunctions } from "./nested-cast-functions.ts";
import { randomFunctions } from "./random-functions.ts";
import { regexColumnFunctions } from "./regex-column-functions.ts";
import { regexFunctions } from "./regex-functions.ts";
import type { FunctionTable, ScalarFunction } from "./registry.ts";
import { stringFunctions } from "./string-functions.ts";
import { timeFunctions } from "./time-functions.ts";
import { variantFunctions } from "./variant-functions.ts";

/** Tables joined: a name that several have keeps all its entries, in this order. */
function join(...tables: readonly FunctionTable[]): FunctionTable {
  const joined: Record<string, readonly ScalarFunction[]> = {};
  for (const table of tables) {
    for (const [name, entry] of Object.entries(table)) {
      joined[name] = [...(joined[name] ?? []), ...([entry].flat() as ScalarFunction[])];
    }
  }
  return joined;
}

export const functionLibrary: FunctionTable = join(
  stringFunctions,
  timeFunctions,
  arithmeticFunctions,
  regexFunctions,
  miscFunctions,
  jsonFunctions,
  momentFunctions,
  randomFunctions,
  formatFunctions,
  variantFunctions,
  collectionFunctions,
  bitmapFunctions,
  jsonConstructFunctions,
  nestedCastFunctions,
  regexColumnFunctions,
);
