/**
 * Functions of the user for the planner: CREATE FUNCTION f AS 'module.ts#export' LANGUAGE TYPESCRIPT (or JAVASCRIPT).
 *
 * Paths:   relative to the folder of the script, or to the working directory in a shell. A server has a folder of modules,
 *          and loads none from elsewhere: what it runs is what somebody has put there.
 * Errors:  MR1021 the module cannot be loaded, or its export is no function.
 */
import { existsSync, realpathSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { hostErrors } from "../foundation/host/errors.ts";
import { loadUserExport } from "../foundation/host/user-module.ts";
import {
  declarationFault,
  referenceText,
  type UserExport,
} from "../foundation/plan/user-function.ts";
import type { CatalogFunction } from "../language/sql/catalog/catalog-objects.ts";
import type { FunctionDefinition } from "../language/sql/functions/function-definition.ts";
import { processDefinition } from "../language/sql/functions/process-definition.ts";
import { userFunctionDefinition } from "../language/sql/functions/user-function.ts";

/** Undefined for functions of other languages. */
export function userFunctions(
  folder: string,
  options: { readonly onlyThere?: boolean } = {},
): (definition: CatalogFunction) => FunctionDefinition | undefined {
  const known = new Map<string, FunctionDefinition>();
  return ({ name, className, language }) => {
    if (language !== "TYPESCRIPT" && language !== "JAVASCRIPT") return undefined;
    const key = `${name}@${className}`;
    const found =
      known.get(key) ?? definitionOf(folder, name, className, options.onlyThere === true);
    known.set(key, found);
    return found;
  };
}

function definitionOf(
  folder: string,
  name: string,
  className: string,
  onlyThere: boolean,
): FunctionDefinition {
  const hash = className.lastIndexOf("#");
  const module = resolve(folder, hash < 0 ? className : className.slice(0, hash));
  const refused = (reason: string) =>
    hostErrors.MODULE_UNUSABLE({ function: name, module, reason });
  if (hash < 0) throw refused("write 'path/to/module.ts#export'");
  if (name.includes("@")) throw refused("its name holds an @");
  if (onlyThere && !isWithin(folder, module))
    throw refused(`modules are loaded from ${folder} only`);
  const key = className.slice(hash + 1);
  const exported = loadUserExport(module, key);
  const fault = declarationFault(exported);
  if (fault !== undefined) throw refused(fault);
  const own = exported as UserExport;
  const place = { name, module, export: key };
  if (own.kind !== "process") return userFunctionDefinition(place, own);
  return processDefinition(name, referenceText({ ...place, deterministic: true }), own);
}

/** Links count as what they lead to; what is not there is told by loading it. */
function isWithin(folder: string, module: string): boolean {
  const beyond = (from: string, to: string) => {
    const path = relative(from, to);
    return path === "" || path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path);
  };
  if (beyond(folder, module)) return false;
  return !existsSync(module) || !beyond(realpathSync(folder), realpathSync(module));
}
