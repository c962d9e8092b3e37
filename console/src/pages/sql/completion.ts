/**
 * Completion of CodeMirror from the language's own: what may stand at the cursor (language/sql/editor/completion.ts).
 *
 * Rule: opens while a word is typed, behind a dot, at the start of an option's text, and on request.
 */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { CompletionItem } from "../../../../src/language/sql/editor/completion-item.ts";
import type { SqlEditorService } from "../../../../src/language/sql/editor/editor-service.ts";

/** Highest and lowest of CodeMirror's own scale is 99. */
const BOOST = 10;
const WORD = /^[\w$.-]*$/;

export function completion(service: SqlEditorService) {
  return (context: CompletionContext): CompletionResult | null => {
    const { pos, explicit, state } = context;
    const before = state.sliceDoc(Math.max(0, pos - 1), pos);
    if (!explicit && !/[\w$.'`]/.test(before)) return null;
    const { from, to, items } = service.complete(state.doc.toString(), pos);
    if (items.length === 0) return null;
    if (!explicit && from === pos && !/[.'`]/.test(before)) return null;
    return { from, to, options: items.map(option), validFor: WORD };
  };
}

function option({ label, kind, detail, description, insert, rank }: CompletionItem): Completion {
  return {
    label,
    type: kind,
    boost: Math.round(rank * BOOST),
    ...(detail === undefined ? {} : { detail }),
    ...(description === undefined ? {} : { info: description }),
    ...(insert === undefined ? {} : { apply: insert }),
  };
}
