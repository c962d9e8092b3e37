/** Light, dark, or as the system has it. */
import { useMantineColorScheme } from "@mantine/core";

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;
const LABEL = { auto: "◐ System", light: "☀ Light", dark: "☾ Dark" } as const;

export function ThemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <button
      type="button"
      className="button"
      aria-label={`Colour scheme: ${colorScheme}`}
      onClick={() => setColorScheme(NEXT[colorScheme])}
    >
      {LABEL[colorScheme]}
    </button>
  );
}
