/**
 * What the fuzzer asks of the formatter and the editor services for each text: the same tree and the same text again when it is
 * formatted twice; answers at a random place, and never an error, whatever the text is.
 */
import { MillraceError } from "../../src/foundation/base/errors.ts";
import type { SqlEditorService } from "../../src/language/sql/editor/editor-service.ts";
import { formatScript } from "../../src/language/sql/format/format-script.ts";
import { sameTree } from "../../src/language/sql/format/same-tree.ts";
import { commentsOf } from "../../src/language/sql/format/pieces.ts";
import { tokenize } from "../../src/language/sql/parser/lexer.ts";
import { parseParts } from "../../src/language/sql/parser/parser.ts";
import type { Random } from "./sql-grammar.ts";

/** Undefined: all is well. */
export function editorProblem(editor: SqlEditorService, sql: string, next: Random) {
  const offset = next(sql.length + 1);
  try {
    const unstable = formatProblem(withComments(sql, next));
    if (unstable !== undefined) return unstable;
    const cut = next(2) === 0 ? sql.slice(0, offset) : sql;
    const { from, to } = editor.complete(cut, offset);
    if (from > offset || to < offset || to > cut.length) return `completion of ${from} to ${to}`;
    editor.hover(cut, offset);
    editor.signatureHelp(cut, offset);
    editor.definition(cut, offset);
    editor.outline(cut);
    return undefined;
  } catch (error) {
    return `at ${offset}: ${(error as Error).stack?.split("\n").slice(0, 6).join("\n")}`;
  }
}

const COMMENTS = [" -- c\n", " /* c */ ", "\n", "\n\n-- c\n", " // c\n", "/* c\nc */"];

function withComments(sql: string, next: Random): string {
  return sql.replaceAll(" ", () => (next(10) === 0 ? COMMENTS[next(COMMENTS.length)]! : " "));
}

/** Between the tokens; undefined where a token has no end, since comments may be within it. */
function commentCount(text: string): number | undefined {
  let at = 0;
  let count = 0;
  for (const { kind, start, end } of tokenize(text)) {
    if (kind === "error") return undefined;
    count += commentsOf(text.slice(at, start)).length;
    at = end;
  }
  return count;
}

function formatProblem(sql: string): string | undefined {
  const { text } = formatScript(sql);
  const again = formatScript(text).text;
  if (again !== text) return `formats to\n${text}\nand then to\n${again}`;
  if (commentCount(text) !== commentCount(sql)) return `formats with other comments:\n${text}`;
  try {
    const before = parseParts(sql);
    const after = parseParts(text);
    const isSame =
      before.length === after.length &&
      before.every(({ statement }, i) => sameTree(statement, after[i]!.statement));
    return isSame ? undefined : `formats to something else:\n${text}`;
  } catch (error) {
    // Too long to be parsed: left as it was.
    if (error instanceof MillraceError) return undefined;
    throw error;
  }
}
