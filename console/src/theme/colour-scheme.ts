/** Light, dark, or as the system has it: kept for this browser, put on the document as data-theme. */
import { useSyncExternalStore } from "react";

export type ColourScheme = "auto" | "light" | "dark";

const KEY = "millrace-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let chosen = read();
show();
system.addEventListener("change", tell);

export function setColourScheme(scheme: ColourScheme): void {
  chosen = scheme;
  localStorage.setItem(KEY, scheme);
  show();
  tell();
}

export function useColourScheme(): ColourScheme {
  return useSyncExternalStore(listen, () => chosen);
}

/** What is really shown. */
export function useShownScheme(): "light" | "dark" {
  return useSyncExternalStore(listen, () =>
    chosen === "auto" ? (system.matches ? "dark" : "light") : chosen,
  );
}

/** The colour of a token such as --ink2 as it is now, for what is drawn on a canvas. */
export function tokenColour(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function read(): ColourScheme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

function show(): void {
  document.documentElement.dataset.theme = chosen;
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
