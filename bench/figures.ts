/**
 * Figures: one line of JSON each, appended to the history and printed with --json.
 *
 * Shape:   {name, value, unit, ratio?, peer?, spread?, detail?, trusted, machine}
 * Limits:  the history keeps its last HISTORY_LINES lines.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Machine } from "./machine.ts";
import { historyFile } from "./paths.ts";

const HISTORY_LINES = 2_000;

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Ours divided by the peer's, measured in the same run. */
  readonly ratio?: number;
  readonly peer?: string;
  /** (max − min) / median of the repeats. */
  readonly spread?: number;
  /** Size, command and what else the figure depends on. */
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly trusted: boolean;
}

export interface Repeats {
  readonly median: number;
  readonly spread: number;
}

export function summarise(values: readonly number[]): Repeats {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, spread: median === 0 ? 0 : (sorted.at(-1)! - sorted[0]!) / median };
}

export function recordFigures(figures: readonly Figure[], machine: Machine, json: boolean): void {
  const lines = figures.map((figure) => JSON.stringify({ ...rounded(figure), machine }));
  const old = existsSync(historyFile) ? readFileSync(historyFile, "utf8").trimEnd() : "";
  const kept = [...(old === "" ? [] : old.split("\n")), ...lines].slice(-HISTORY_LINES);
  const partial = `${historyFile}.partial`;
  writeFileSync(partial, `${kept.join("\n")}\n`);
  renameSync(partial, historyFile);
  if (json) process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

function rounded(figure: Figure): Figure {
  const short = (value: number) => Number(value.toPrecision(5));
  return {
    ...figure,
    value: short(figure.value),
    ...(figure.ratio === undefined ? {} : { ratio: short(figure.ratio) }),
    ...(figure.spread === undefined ? {} : { spread: short(figure.spread) }),
  };
}
