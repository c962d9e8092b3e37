/**
 * Completion from the platform's own parser: what may stand at the cursor. Names of tables behind FROM and the like; columns of the
 * tables that the statement names, and functions, where an expression may begin; keywords by the grammar.
 *
 * Limits: words alone; a text that is wrong before the cursor completes nothing.
 */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { builtinFunctionNames } from "../../../../src/language/sql/functions/function-catalog.ts";
import { expectedAt } from "../../../../src/language/sql/parser/parser.ts";
import type { Catalog, CatalogTable } from "../../api-client/calls.ts";

const TABLE_PLACE = /\b(FROM|JOIN|INTO|TABLE|DESCRIBE|DESC)\s+[\w`]*$/i;
const WORD = /^[A-Z_]+$/;

export function completion(catalog: Catalog) {
  const functions = builtinFunctionNames()
    .filter((name) => WORD.test(name))
    .map((label): Completion => ({ label, type: "function", apply: `${label}(`, boost: -1 }));
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w$]*/)!;
    const isField = context.state.sliceDoc(word.from - 1, word.from) === ".";
    if (word.from === word.to && !context.explicit && !isField) return null;
    const text = context.state.doc.toString();
    const before = text.slice(0, context.pos);
    const from = word.from;
    if (isField) {
      const owner = /([\w$]+)\.[\w$]*$/.exec(before)?.[1] ?? "";
      const table = tableNamed(catalog.tables, owner, text);
      return table === undefined ? null : { from, options: table.columns.map(columnOption) };
    }
    const expected = expectedAt(text, context.pos);
    const keywords = expected
      .filter((token) => WORD.test(token))
      .map((label): Completion => ({ label, type: "keyword", boost: -2 }));
    const takesName = expected.includes("<IDENTIFIER>");
    if (!takesName) return { from, options: keywords };
    if (TABLE_PLACE.test(before)) {
      return { from, options: [...catalog.tables.map(tableOption), ...keywords] };
    }
    if (!expected.includes("CASE")) return { from, options: keywords };
    const columns = namedTables(catalog.tables, text).flatMap((table) =>
      table.columns.map(columnOption),
    );
    return { from, options: [...columns, ...functions, ...keywords] };
  };
}

function columnOption({ name, type }: CatalogTable["columns"][number]): Completion {
  return { label: name, type: "property", detail: type, boost: 2, apply: quoted(name) };
}

function tableOption({ name, kind, connector }: CatalogTable): Completion {
  return {
    label: name,
    type: "class",
    detail: kind === "VIEW" ? "view" : (connector ?? ""),
    boost: 2,
    apply: quoted(name),
  };
}

/** Words that cannot stand as names, such as a column `date`, and odd names get their backticks. */
function quoted(name: string): string {
  const isPlain =
    /^[A-Za-z_]\w*$/.test(name) && expectedAt(`SELECT ${name} `, 8 + name.length).length > 0;
  return isPlain ? name : `\`${name}\``;
}

/** Tables that the text names, or all of them when it names none yet. */
function namedTables(tables: readonly CatalogTable[], text: string): readonly CatalogTable[] {
  const words = new Set(text.match(/[\w$]+/g));
  const named = tables.filter(({ name }) => words.has(name));
  return named.length > 0 ? named : tables;
}

/** By its name, or by an alias given in the text (`flights AS f`). */
function tableNamed(
  tables: readonly CatalogTable[],
  owner: string,
  text: string,
): CatalogTable | undefined {
  const own = tables.find(({ name }) => name === owner);
  return (
    own ??
    tables.find(({ name }) => new RegExp(`\\b${name}\`?\\s+(?:AS\\s+)?${owner}\\b`, "i").test(text))
  );
}
