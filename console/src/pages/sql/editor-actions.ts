/**
 * What the editor does to a script: formats it, goes to where a name was given.
 *
 * Keys: Shift-Alt-F formats (the selection's statements, or all); F12 and Ctrl-click go to the definition.
 */
import type { Extension } from "@codemirror/state";
import { EditorView, type KeyBinding } from "@codemirror/view";
import type { SqlEditorService } from "../../../../src/language/sql/editor/editor-service.ts";

export function actionKeys(service: SqlEditorService): readonly KeyBinding[] {
  return [
    { key: "Shift-Alt-f", run: (view) => formatDocument(view, service), preventDefault: true },
    { key: "F12", run: (view) => goTo(view, service, view.state.selection.main.head) },
  ];
}

export function clickToDefinition(service: SqlEditorService): Extension {
  return EditorView.domEventHandlers({
    mousedown: (event, view) => {
      if (!(event.ctrlKey || event.metaKey) || event.button !== 0) return false;
      const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
      return at !== null && goTo(view, service, at);
    },
  });
}

/** One step of undo; the cursor stays with its text. */
export function formatDocument(view: EditorView, service: SqlEditorService): boolean {
  const { from, to, empty } = view.state.selection.main;
  const text = view.state.doc.toString();
  const { edits } = service.format(text, empty ? undefined : { from, to });
  if (edits.length > 0) view.dispatch({ changes: [...edits], userEvent: "format" });
  return true;
}

function goTo(view: EditorView, service: SqlEditorService, at: number): boolean {
  const found = service.definition(view.state.doc.toString(), at);
  if (found === undefined) return false;
  view.dispatch({
    selection: { anchor: found.from, head: found.to },
    effects: EditorView.scrollIntoView(found.from, { y: "center" }),
    userEvent: "select.definition",
  });
  return true;
}
