/**
 * Finds the text that every match of an expression holds, so that a search may look for it first.
 *
 * Flow:    regex-program.ts → here; kernels/regex.as.ts begins a search where the text is.
 * Result:  the longest run of characters that no alternative and no repetition can leave out, and how many bytes of a match
 *          may lie before it (Infinity: any number).
 */
import type { RegexNode } from "./regex-node.ts";

export interface RequiredText {
  readonly bytes: readonly number[];
  /** Most bytes of the match before it. */
  readonly before: number;
}

/** Fewer bytes are found no faster than the first byte of a match. */
const LEAST_BYTES = 2;
/** UTF-8 takes at most so many for a character. */
const CHARACTER_BYTES = 4;

export function requiredText(root: RegexNode): RequiredText | undefined {
  const search = new RequiredTextSearch();
  search.visit(root);
  search.endRun();
  return search.longest.bytes.length >= LEAST_BYTES ? search.longest : undefined;
}

class RequiredTextSearch {
  longest: RequiredText = { bytes: [], before: 0 };
  #run: number[] = [];
  #runBefore = 0;
  /** Most bytes of everything visited so far. */
  #most = 0;

  /** A node that takes part in every match, behind the nodes visited before. */
  visit(node: RegexNode): void {
    switch (node.kind) {
      case "char": {
        const bytes = new TextEncoder().encode(String.fromCodePoint(node.codePoint));
        if (this.#run.length === 0) this.#runBefore = this.#most;
        this.#run.push(...bytes);
        this.#most += bytes.length;
        return;
      }
      case "sequence":
        for (const part of node.parts) this.visit(part);
        return;
      case "group":
      case "atomic":
        this.visit(node.part);
        return;
      case "assert":
      case "look":
        return;
      default:
        this.endRun();
        this.#most += mostBytes(node);
    }
  }

  endRun(): void {
    if (this.#run.length > this.longest.bytes.length)
      this.longest = { bytes: this.#run, before: this.#runBefore };
    this.#run = [];
  }
}

function mostBytes(node: RegexNode): number {
  switch (node.kind) {
    case "char":
    case "class":
      return CHARACTER_BYTES;
    case "sequence":
      return node.parts.reduce((sum, part) => sum + mostBytes(part), 0);
    case "choice":
      return Math.max(...node.parts.map(mostBytes));
    case "repeat": {
      const part = mostBytes(node.part);
      return part === 0 ? 0 : part * node.max;
    }
    case "group":
    case "atomic":
      return mostBytes(node.part);
    case "backreference":
      return Number.POSITIVE_INFINITY;
    default:
      return 0;
  }
}
