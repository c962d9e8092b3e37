/** Where an editor underlines a finding: its own place, or else the first word of its statement. */
import type { Diagnostic } from "./session-types.ts";

/** UTF-16 offsets within `text`, never empty unless the text is. */
export function diagnosticSpan(
  { error, statement }: Diagnostic,
  text: string,
): { readonly from: number; readonly to: number } {
  const { at } = error.place;
  const from = Math.min(at?.start ?? statement, text.length);
  const to = Math.min(at?.end ?? from, text.length);
  if (to > from) return { from, to };
  const word = /^[\w`'"$]+/.exec(text.slice(from))?.[0].length ?? 1;
  if (from < text.length) return { from, to: Math.min(from + word, text.length) };
  // At the end of the text: its last character that can be seen.
  const end = text.trimEnd().length;
  return { from: Math.max(end - 1, 0), to: end };
}
