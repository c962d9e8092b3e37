/**
 * CREATE, ALTER, DROP and DESCRIBE FUNCTION. The catalog keeps what was said; what a class means, the host knows.
 *
 * Source: Flink's function operations and their messages.
 */
import type { CatalogFunction } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import { builtinFunction } from "../functions/function-catalog.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import { signaturesOf } from "../functions/signatures.ts";
import type {
  AlterFunctionNode,
  CreateFunctionNode,
  DescribeNode,
  DropNode,
  IdentifierNode,
} from "../parser/ast.ts";
import { stringRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

export function createFunction(session: SessionContext, node: CreateFunctionNode): StatementResult {
  const { className, language = "JAVA", resources } = node;
  session.catalog.createFunction(
    { ...identityOf(session, node), className, language, resources },
    node.ifNotExists,
  );
  return OK;
}

export function alterFunction(session: SessionContext, node: AlterFunctionNode): StatementResult {
  const refused = (message: string) =>
    validateErrors.STATEMENT_INVALID(
      { message, remedy: "Drop the function and create it again." },
      { at: node.span },
    );
  if (node.system) throw refused("Alter temporary system function is not supported");
  if (node.temporary) throw refused("Alter temporary catalog function is not supported");
  const old = session.catalog.function(namesOf(node.name));
  if (old === undefined || old.temporary) {
    if (node.ifExists) return OK;
    const { catalog, database, object } = session.catalog.qualify(namesOf(node.name));
    throw validateErrors.OBJECT_NOT_FOUND(
      { object: "Function", name: `${database}.${object} in Catalog ${catalog}` },
      { at: node.name.span },
    );
  }
  const { className, language = "JAVA" } = node;
  session.catalog.replaceFunction({ ...old, className, language });
  return OK;
}

export function dropFunction(session: SessionContext, node: DropNode): StatementResult {
  session.catalog.dropFunction(
    { ...identityOf(session, node), className: "", language: "JAVA", resources: [] },
    node.ifExists,
  );
  return OK;
}

function identityOf(
  session: SessionContext,
  node: Pick<CreateFunctionNode, "name" | "temporary" | "system">,
): Pick<CatalogFunction, "name" | "identifier" | "temporary" | "system"> {
  const parts = namesOf(node.name);
  const { temporary, system } = node;
  return {
    name: parts.at(-1)!,
    ...(system ? {} : { identifier: session.catalog.qualify(parts) }),
    temporary,
    system,
  };
}

export function describeFunction(session: SessionContext, node: DescribeNode): StatementResult {
  const { catalog } = session;
  const parts = namesOf(node.name);
  const [single] = parts;
  const system = parts.length === 1 ? catalog.systemFunction(single!) : undefined;
  const builtin =
    parts.length === 1 && system === undefined && catalog.modules.core
      ? builtinFunction(single!)
      : undefined;
  const own = system ?? (builtin === undefined ? catalog.function(parts) : undefined);
  if (builtin === undefined && own === undefined)
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `Function with the identifier '${parts.join(".")}' doesn't exist.`,
        remedy: "SHOW FUNCTIONS lists what there is.",
      },
      { at: node.name.span },
    );
  const rows: [string, string][] = [
    ["is system function", String(own === undefined || own.system)],
    ["is temporary", String(own?.temporary ?? false)],
  ];
  if (own !== undefined && !own.system) {
    const uris = own.resources.map(
      ({ type, path }) => `ResourceUri{resourceType=${type}, uri='${path}'}`,
    );
    rows.push(
      ["class name", own.className],
      ["function language", own.language],
      ["resource uris", `[${uris.join(", ")}]`],
    );
  }
  const known = builtin ?? (own === undefined ? undefined : session.host.userFunction?.(own));
  if (node.extended && known !== undefined) rows.push(...details(known));
  return stringRows(["info name", "info value"], rows);
}

const KINDS = {
  scalar: "SCALAR",
  aggregate: "AGGREGATE",
  window: "AGGREGATE",
  table: "TABLE",
} as const;

function details(definition: FunctionDefinition): [string, string][] {
  const deterministic = String(definition.deterministic);
  return [
    ["kind", KINDS[definition.category]],
    ["requirements", definition.category === "window" ? "[OVER_WINDOW_ONLY]" : "[]"],
    ["is deterministic", deterministic],
    ["supports constant folding", deterministic],
    ["signature", signaturesOf(definition).join("\n")],
  ];
}
