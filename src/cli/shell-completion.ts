/**
 * Tab in the shell: what the language's editor services offer for the statement so far, in the session as it is.
 *
 * Flow:    readline → here → SqlEditorService. What is typed is matched without regard to case; keywords take the case of what is typed.
 * Limits:  MAX_SHOWN candidates, the likeliest ones.
 */
import { CONNECTOR_OPTIONS, FORMAT_OPTIONS } from "../dataplane/connectors/registry.ts";
import type { CompletionItem } from "../language/sql/editor/completion-item.ts";
import { SqlEditorService } from "../language/sql/editor/editor-service.ts";
import type { SqlSession } from "../language/sql/script/sql-session.ts";

const MAX_SHOWN = 200;
const COMMANDS = [".help", ".quit", ".read", ".schema", ".tables"];

/** readline's completer: candidates, and the end of the line that they replace. */
export type ShellCompleter = (before: string, line: string) => [string[], string];

/** `before`: the lines of the statement that came before this one. */
export function shellCompleter(session: SqlSession): ShellCompleter {
  const service = new SqlEditorService({
    newSession: () => session,
    catalogue: { connectors: CONNECTOR_OPTIONS, formats: FORMAT_OPTIONS },
    runsDefinitions: false,
  });
  return (before, line) => {
    if (before === "" && line.startsWith(".")) return commandCandidates(service, line);
    const text = before + line;
    const { from, items } = service.complete(text, text.length);
    const typed = text.slice(from);
    if (typed.length > line.length) return [[], ""];
    const fits = items
      .filter(({ label, insert }) => starts(insert ?? label, typed) || starts(label, typed))
      .sort((a, b) => b.rank - a.rank)
      .slice(0, MAX_SHOWN);
    return [fits.map((item) => candidate(item, typed)), typed];
  };
}

function commandCandidates(service: SqlEditorService, line: string): [string[], string] {
  const table = /^\.schema\s+(.*)$/.exec(line)?.[1];
  if (table === undefined) return [COMMANDS.filter((name) => name.startsWith(line)), line];
  const text = `DESCRIBE ${table}`;
  const { from, items } = service.complete(text, text.length);
  const typed = text.slice(from);
  const names = items.filter(({ kind, label }) => kind !== "keyword" && starts(label, typed));
  return [names.map((item) => candidate(item, typed)), typed];
}

const starts = (text: string, typed: string) => text.toLowerCase().startsWith(typed.toLowerCase());

function candidate({ kind, label, insert }: CompletionItem, typed: string): string {
  const text = insert ?? label;
  const isWord = kind === "keyword" || kind === "type" || kind === "function";
  return isWord && typed !== "" && typed === typed.toLowerCase() ? text.toLowerCase() : text;
}
