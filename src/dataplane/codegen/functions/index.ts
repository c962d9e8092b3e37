/** The library of SQL functions, by canonical name; the operators of the IR are in ../expressions/operators.ts. */
import type { FunctionTable } from "./registry.ts";

export const functionLibrary: FunctionTable = {};
