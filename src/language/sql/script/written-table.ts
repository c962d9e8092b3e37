/** The error of a statement that writes into what is no table. */
import { nearest } from "../../../foundation/base/text.ts";
import type { CatalogEntry } from "../catalog/catalog-objects.ts";
import { validateErrors } from "../errors.ts";
import type { IdentifierNode } from "../parser/ast.ts";

export function noTable(
  { parts, span }: IdentifierNode,
  found: CatalogEntry | undefined,
  names: readonly string[],
): Error {
  const name = parts.map((part) => part.name).join(".");
  if (found?.kind === "view")
    return validateErrors.STATEMENT_INVALID(
      {
        message: `'${name}' is a view: it holds no rows of its own that could be changed.`,
        remedy: "Name a table that the view reads.",
      },
      { at: span },
    );
  const place = { at: span, didYouMean: nearest(parts.at(-1)!.name, names) };
  return validateErrors.TABLE_NOT_FOUND({ name }, place);
}
