/** Light, dark, or as the system has it. */
import { setColourScheme, useColourScheme } from "../theme/colour-scheme.ts";

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;
const LABEL = { auto: "◐ System", light: "☀ Light", dark: "☾ Dark" } as const;

export function ThemeToggle() {
  const scheme = useColourScheme();
  return (
    <button
      type="button"
      className="button quiet"
      title={`Change to ${NEXT[scheme]}`}
      onClick={() => setColourScheme(NEXT[scheme])}
    >
      <span className="only-read">Colour scheme: </span>
      {LABEL[scheme]}
    </button>
  );
}
