/** Checks a script against the platform's tables. */
import { checkScript, type Diagnostic } from "../../api-client/calls.ts";

export type Checker = (script: string) => Promise<readonly Diagnostic[]>;

export function createChecker(_ddl: string): Checker {
  return checkScript;
}
