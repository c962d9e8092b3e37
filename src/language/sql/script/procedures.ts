/**
 * CALL and SHOW PROCEDURES: procedures are table functions of the user that say `procedure: true`; CALL runs one once, with
 * constants, and shows the rows it gives. Queries do not see them.
 *
 * Flow:    CREATE FUNCTION p AS 'module.ts#p' LANGUAGE TYPESCRIPT → CALL p(1) → SELECT * FROM TABLE(p(1)).
 * Errors:  MR2128 there is no such procedure; MR2130 the host loads no modules.
 * Source:  Flink's CALL and SHOW PROCEDURES; there procedures come with catalogs of other systems.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { CatalogFunction } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { CallNode, QueryStatementNode } from "../parser/ast.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

/** The query that is a CALL; to be planned while `session.calling`. */
export function procedureQuery(session: SessionContext, node: CallNode): QueryStatementNode {
  const { call, span } = node;
  const parts = call.kind === "call" ? call.name.parts.map((part) => part.name) : [];
  const [single] = parts;
  const system = parts.length === 1 ? session.catalog.systemFunction(single!) : undefined;
  const found = system ?? (parts.length > 3 ? undefined : session.catalog.function(parts));
  if (found !== undefined && session.host.userFunction === undefined)
    throw validateErrors.NOT_SUPPORTED(
      {
        what: "CALL here",
        remedy: "Modules are not loaded here: run the statement with `millrace sql`.",
      },
      { at: span },
    );
  if (found === undefined || !isProcedure(session, found))
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `Procedure '${parts.join(".")}' does not exist.`,
        remedy:
          "SHOW PROCEDURES lists what there is. A procedure is a table function in TypeScript with 'procedure: true', made known by CREATE FUNCTION.",
      },
      { at: call.span },
    );
  return {
    kind: "queryStatement",
    query: {
      kind: "select",
      hints: [],
      items: [{ value: { kind: "star", qualifier: [], span }, span }],
      from: { kind: "tableFunction", lateral: false, call, hints: [], span },
      windows: [],
      span,
    },
    span,
  };
}

/** A procedure that gives single values has one column, `result`. */
export function withResultColumn(result: StatementResult): StatementResult {
  if (result.kind !== "query") return result;
  const [only, ...others] = result.schema.fields;
  if (only === undefined || others.length > 0 || only.name !== UNNAMED) return result;
  return { ...result, schema: { fields: [{ ...only, name: "result" }] } };
}

const UNNAMED = "EXPR$0";

/** Of the names of functions of a database, those of procedures, or the others. */
export function namesByKind(
  session: SessionContext,
  place: { readonly catalog: string; readonly database: string },
  procedures: boolean,
): string[] {
  const { catalog } = session;
  return catalog.functionNames(place.catalog, place.database).filter((name) => {
    const found =
      catalog.systemFunction(name) ?? catalog.function([place.catalog, place.database, name]);
    return (found !== undefined && isListedProcedure(session, found)) === procedures;
  });
}

/** A module that cannot be loaded says so when it is used, not in lists. */
function isListedProcedure(session: SessionContext, definition: CatalogFunction): boolean {
  try {
    return isProcedure(session, definition);
  } catch (error) {
    if (error instanceof MillraceError) return false;
    throw error;
  }
}

function isProcedure(session: SessionContext, definition: CatalogFunction): boolean {
  if (definition.language !== "TYPESCRIPT" && definition.language !== "JAVASCRIPT") return false;
  return session.host.userFunction?.(definition)?.procedure === true;
}
