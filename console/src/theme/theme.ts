/** Mantine's theme: our type and radius; colours come from calm-river.css. */
import { createTheme } from "@mantine/core";

export const theme = createTheme({
  fontFamily: "system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', Menlo, Consolas, monospace",
  defaultRadius: 6,
  primaryColor: "teal",
  fontSizes: { sm: "13px", md: "13px" },
});
