/**
 * loadUserExport: what a module of the user exports under a name. A module is loaded once a thread; Node strips the types
 * of TypeScript. Loading is synchronous: modules with top-level await are refused.
 *
 * Errors:  MR1021 the module cannot be loaded, or has no such export.
 */
import { createRequire } from "node:module";
import { hostErrors } from "./errors.ts";

const require = createRequire(import.meta.url);

export function loadUserExport(module: string, name: string): unknown {
  const refused = (reason: string, cause?: unknown) =>
    hostErrors.MODULE_UNUSABLE({ function: name, module, reason }, { cause });
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = require(module) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message.split("\n")[0]! : String(cause), cause);
  }
  if (!Object.hasOwn(exported, name)) throw refused("there is no such export");
  return exported[name];
}
