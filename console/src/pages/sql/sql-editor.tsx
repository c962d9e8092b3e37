/** CodeMirror with the platform's own checks: problems are underlined 150 ms after the last key. */
import {
  autocompletion,
  closeBrackets,
  closeCompletion,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { StandardSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { linter, lintGutter, lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { Catalog, Diagnostic } from "../../api-client/calls.ts";
import { createChecker } from "./checker.ts";
import { completion } from "./completion.ts";
import { actionKeys, clickToDefinition, formatDocument } from "./editor-actions.ts";
import { editorHints, hideHints, hintKeys } from "./editor-hints.ts";
import { createEditorService, prepareWhenIdle } from "./editor-service.ts";

const CHECK_DELAY_MS = 150;

export interface EditorActions {
  format(): void;
  /** Closes what completion and signatures show: the script runs. */
  closePopups(): void;
}

export function SqlEditor(props: {
  initial: string;
  catalog: Catalog;
  onChange: (text: string) => void;
  onProblems: (problems: readonly Diagnostic[]) => void;
  onRun: () => void;
  onReady: (actions: EditorActions) => void;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const { catalog, initial, onReady } = latest.current;
    const service = createEditorService(catalog);
    const view = new EditorView({
      parent: holder.current!,
      state: EditorState.create({
        doc: initial,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          autocompletion({ override: [completion(service)], icons: false }),
          closeBrackets(),
          lintGutter(),
          editorHints(service),
          clickToDefinition(service),
          sql({ dialect: StandardSQL }),
          syntaxHighlighting(colours),
          EditorView.contentAttributes.of({ "aria-label": "SQL query" }),
          Prec.highest(
            keymap.of([{ key: "Mod-Enter", run: runKey(() => latest.current.onRun()) }]),
          ),
          keymap.of([
            ...completionKeymap,
            ...hintKeys,
            ...actionKeys(service),
            ...lintKeymap,
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          linter(
            checkDocument(catalog, (problems) => latest.current.onProblems(problems)),
            {
              delay: CHECK_DELAY_MS,
            },
          ),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    onReady({
      format: () => {
        formatDocument(view, service);
        view.focus();
      },
      closePopups: () => closePopups(view),
    });
    const endPreparation = prepareWhenIdle(service);
    return () => {
      endPreparation();
      view.destroy();
    };
  }, []);
  return <div className="editor" ref={holder} />;
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--info)" },
  { tag: tags.comment, color: "var(--ink3)", fontStyle: "italic" },
]);

function runKey(run: () => void) {
  return (view: EditorView) => {
    closePopups(view);
    run();
    return true;
  };
}

function closePopups(view: EditorView): void {
  closeCompletion(view);
  hideHints(view);
}

function checkDocument(catalog: Catalog, onProblems: (problems: readonly Diagnostic[]) => void) {
  const check = createChecker(catalog);
  return async (view: EditorView) => {
    const problems = await check(view.state.doc.toString());
    onProblems(problems);
    return problems.map(({ from, to, severity, message, code, hint }) => ({
      from,
      to: Math.max(to, from + 1),
      severity,
      message: `${code}: ${message}\n${hint}`,
    }));
  };
}
