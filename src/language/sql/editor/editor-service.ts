/**
 * SqlEditorService: what an editor of SQL asks while one writes, answered by the engine's own lexer, parser and validator.
 *
 * Flow:    console (browser), shell and tests (Node) → here. Nothing is read or run: definitions of the script change a session of
 *          the editor's own.
 * Example: const editor = new SqlEditorService({ newSession: () => new SqlSession() });
 *          editor.complete("SELECT co", 9).items.map(({ label }) => label) // … "COUNT", "COALESCE", …
 * Rule:    never throws for what a text is; a text that is cut off or wrong gets fewer answers.
 * Limits:  MAX_EDITED characters; longer texts get no answers but formatting.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import { formatScript, type Formatted } from "../format/format-script.ts";
import { parseParts, type ScriptPart } from "../parser/parser.ts";
import { SqlSession } from "../script/sql-session.ts";
import { completeAt } from "./completion.ts";
import type { CompletionList } from "./completion-item.ts";
import { cursorAt } from "./cursor.ts";
import { definitionAt, type DefinitionPlace } from "./definition.ts";
import { EditorSession } from "./editor-session.ts";
import { type Hover, hoverAt } from "./hover.ts";
import { type EditorCatalogue, NO_CATALOGUE } from "./option-info.ts";
import { type OutlineEntry, outlineOf } from "./outline.ts";
import { warmUp } from "./warm-up.ts";
import { signatureHelpAt, type SignatureHelp } from "./signature-help.ts";

/** UTF-16 units. */
const MAX_EDITED = 2 * 1024 * 1024;

export interface EditorOptions {
  /** A session that knows the tables there are. */
  readonly newSession: () => SqlSession;
  /** Options of connectors and formats. */
  readonly catalogue?: EditorCatalogue;
  /** False: newSession() is a session in use, in which the script's definitions must not be run. */
  readonly runsDefinitions?: boolean;
}

export class SqlEditorService {
  readonly #editor: EditorSession;
  readonly #catalogue: EditorCatalogue;
  #text = "";
  #parts: readonly ScriptPart[] = [];

  constructor({ newSession, catalogue, runsDefinitions }: EditorOptions) {
    this.#editor = new EditorSession(newSession, runsDefinitions ?? true);
    this.#catalogue = catalogue ?? NO_CATALOGUE;
  }

  /** Steps of a few milliseconds for idle times before the first question, whose answer then comes as fast as the others. */
  prepare(): Iterator<void> {
    return warmUp(
      new SqlEditorService({ newSession: () => new SqlSession(), catalogue: this.#catalogue }),
    );
  }

  complete(text: string, offset: number): CompletionList {
    const none = { from: offset, to: offset, items: [] };
    return (
      this.#answer(text, offset, (context) => {
        return completeAt(cursorAt(text, offset, context.parts), context);
      }) ?? none
    );
  }

  hover(text: string, offset: number): Hover | undefined {
    return this.#answer(text, offset, (context) => hoverAt(offset, context));
  }

  signatureHelp(text: string, offset: number): SignatureHelp | undefined {
    return this.#answer(text, offset, (context) =>
      signatureHelpAt(cursorAt(text, offset, context.parts), context.session),
    );
  }

  definition(text: string, offset: number): DefinitionPlace | undefined {
    return this.#answer(text, offset, (context) => definitionAt(offset, context));
  }

  outline(text: string): readonly OutlineEntry[] {
    return text.length > MAX_EDITED ? [] : outlineOf(this.#partsOf(text), text);
  }

  /** `range`: only the statements that it touches. */
  format(text: string, range?: { readonly from: number; readonly to: number }): Formatted {
    return formatScript(text, range);
  }

  #answer<T>(
    text: string,
    offset: number,
    answer: (context: {
      text: string;
      parts: readonly ScriptPart[];
      session: SqlSession;
      editor: EditorSession;
      catalogue: EditorCatalogue;
    }) => T | undefined,
  ): T | undefined {
    if (text.length > MAX_EDITED) return undefined;
    const parts = this.#partsOf(text);
    const session = this.#editor.at(text, parts, offset);
    const own = { text, parts, session, editor: this.#editor, catalogue: this.#catalogue };
    try {
      return answer(own);
    } catch (error) {
      // What is nested beyond the parser's limits has no answer, and neither has what the catalog refuses.
      if (error instanceof MillraceError && error.definition.domain === "user") return undefined;
      throw error;
    }
  }

  /** Of the last text, since several questions follow one key. */
  #partsOf(text: string): readonly ScriptPart[] {
    if (text !== this.#text) {
      this.#parts = parseParts(text);
      this.#text = text;
    }
    return this.#parts;
  }
}
