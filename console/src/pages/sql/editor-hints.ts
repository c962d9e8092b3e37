/**
 * What the editor tells of a place: on hover, by Ctrl-K Ctrl-I at the cursor, and the signature of the call that is being written.
 *
 * Flow: CodeMirror → here → SqlEditorService; an answer takes a few milliseconds, so that all is synchronous.
 * Keys: Ctrl-K Ctrl-I shows, Ctrl-Shift-Space shows the signature, Escape hides both.
 */
import { closeCompletion } from "@codemirror/autocomplete";
import {
  type EditorState,
  type Extension,
  StateEffect,
  StateField,
  type Transaction,
} from "@codemirror/state";
import {
  type EditorView,
  hoverTooltip,
  type KeyBinding,
  showTooltip,
  type Tooltip,
} from "@codemirror/view";
import type { SqlEditorService } from "../../../../src/language/sql/editor/editor-service.ts";
import type { Hover } from "../../../../src/language/sql/editor/hover.ts";
import type { SignatureHelp } from "../../../../src/language/sql/editor/signature-help.ts";

/** "auto": as one writes; "info": what is at the cursor; "none": hidden until the next parenthesis or comma. */
const show = StateEffect.define<"signature" | "info" | "none">();

interface Shown {
  readonly mode: "signature" | "info" | "none";
  readonly tooltip: Tooltip | null;
}

const NOTHING: Shown = { mode: "none", tooltip: null };

export function editorHints(service: SqlEditorService): Extension {
  const field = StateField.define<Shown>({
    create: () => NOTHING,
    update: (before, transaction) => next(service, before, transaction),
    provide: (own) => showTooltip.from(own, ({ tooltip }) => tooltip),
  });
  return [
    field,
    hoverTooltip((view, at) => {
      const found = service.hover(view.state.doc.toString(), at);
      return found === undefined ? null : hoverTip(found);
    }),
  ];
}

export const hintKeys: readonly KeyBinding[] = [
  { key: "Mod-k Mod-i", run: effect("info"), preventDefault: true },
  { key: "Mod-Shift-Space", run: effect("signature") },
  { key: "Escape", run: hideHints },
];

/** False when there is nothing to hide, so that Escape goes on to others. */
export function hideHints(view: EditorView): boolean {
  const isShown = view.dom.querySelector(".sql-hint") !== null;
  if (isShown) view.dispatch({ effects: show.of("none") });
  return isShown;
}

function effect(mode: "signature" | "info") {
  return (view: EditorView) => {
    closeCompletion(view);
    view.dispatch({ effects: show.of(mode) });
    return true;
  };
}

function next(service: SqlEditorService, before: Shown, transaction: Transaction): Shown {
  const { state } = transaction;
  const asked = transaction.effects.find((each) => each.is(show))?.value;
  if (asked === "none") return NOTHING;
  if (asked === "info") return { mode: "info", tooltip: infoTip(service, state) };
  const typed = transaction.isUserEvent("input") && opensCall(state);
  if (asked === "signature" || typed) return signature(service, state);
  const moved = transaction.docChanged || transaction.selection !== undefined;
  if (!moved) return before;
  return before.mode === "signature" ? signature(service, state) : NOTHING;
}

/** Behind a parenthesis or comma that was just typed. */
function opensCall(state: EditorState): boolean {
  const { head } = state.selection.main;
  return /[(,]\s?$/.test(state.sliceDoc(Math.max(0, head - 2), head));
}

function signature(service: SqlEditorService, state: EditorState): Shown {
  const { head } = state.selection.main;
  const found = service.signatureHelp(state.doc.toString(), head);
  if (found === undefined) return NOTHING;
  return {
    mode: "signature",
    tooltip: { pos: found.at, above: true, create: () => tip(signatureBody(found)) },
  };
}

function infoTip(service: SqlEditorService, state: EditorState): Tooltip | null {
  const found = service.hover(state.doc.toString(), state.selection.main.head);
  return found === undefined ? null : hoverTip(found);
}

function hoverTip({ from, to, code, text }: Hover): Tooltip {
  return {
    pos: from,
    end: to,
    above: true,
    create: () => tip([element("pre", "sql-hint-code", code), element("p", "", text)]),
  };
}

function signatureBody({ label, parameters, active, description }: SignatureHelp): Node[] {
  const code = document.createElement("pre");
  code.className = "sql-hint-code";
  const argument = parameters[active];
  if (argument === undefined) code.append(label);
  else {
    const strong = element("strong", "", label.slice(argument.from, argument.to));
    code.append(label.slice(0, argument.from), strong, label.slice(argument.to));
  }
  const about = argument?.text === undefined ? [] : [element("p", "", argument.text)];
  return [code, ...about, element("p", "muted", description)];
}

function tip(body: readonly Node[]): { dom: HTMLElement } {
  const dom = document.createElement("div");
  dom.className = "sql-hint";
  dom.setAttribute("role", "status");
  dom.append(...body);
  return { dom };
}

function element(name: string, className: string, text: string): HTMLElement {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
