/** The implementation of a function of the user, out of its module. Loaded in the thread that calls it. */
import { loadUserExport } from "../../../foundation/host/user-module.ts";
import {
  declarationFault,
  type UserExport,
  type UserFunctionReference,
} from "../../../foundation/plan/user-function.ts";
import { hostErrors } from "../../../foundation/host/errors.ts";

export function userFunction({ name, module, export: key }: UserFunctionReference): UserExport {
  const exported = loadUserExport(module, key);
  const reason = declarationFault(exported);
  if (reason !== undefined) throw hostErrors.MODULE_UNUSABLE({ function: name, module, reason });
  return exported as UserExport;
}
