/**
 * Documents of the formatter: text with places where a line may end, and how they are laid out within a width.
 *
 * Flow:    layout.ts makes documents → render() → text of one statement, without blanks at line ends.
 * Rule:    a group stays on one line when it fits into the width and its own limit, and holds no comment that ends its line;
 *          else all its breaks are line ends.
 * Limits:  recursion is as deep as the syntax tree (parser/limits.ts); widths are counted once, when a document is made.
 */

export type Doc = TextDoc | BreakDoc | ListDoc | GroupDoc | IndentDoc;

interface TextDoc {
  readonly kind: "text";
  readonly text: string;
  readonly width: number;
  /** A comment to the end of its line, or one with lines of its own: what follows begins a line. */
  readonly endsLine?: true;
  /** A comment that has a line of its own. */
  readonly ownLine?: true;
}
interface BreakDoc {
  readonly kind: "break";
  readonly width: number;
  readonly flat: string;
}
interface ListDoc {
  readonly kind: "list";
  readonly parts: readonly Doc[];
  readonly width: number;
}
interface GroupDoc {
  readonly kind: "group";
  readonly inner: Doc;
  readonly width: number;
  readonly limit: number;
}
interface IndentDoc {
  readonly kind: "indent";
  readonly inner: Doc;
  readonly width: number;
}

export const WIDTH = 100;
const INDENT = 2;
const NEVER = Number.POSITIVE_INFINITY;

export function text(value: string): Doc {
  const isLong = value.includes("\n") || value.includes("\r");
  return { kind: "text", text: value, width: isLong ? NEVER : value.length };
}

export function comment(value: string, options: { ownLine: boolean; endsLine: boolean }): Doc {
  const { ownLine, endsLine } = options;
  return {
    kind: "text",
    text: value,
    width: endsLine || ownLine ? NEVER : value.length,
    ...(ownLine ? { ownLine } : {}),
    ...(endsLine ? { endsLine } : {}),
  };
}

/** A blank on one line, else a line end. */
export const line: Doc = { kind: "break", width: 1, flat: " " };
/** Nothing on one line, else a line end. */
export const softLine: Doc = { kind: "break", width: 0, flat: "" };
/** Always a line end. */
export const hardLine: Doc = { kind: "break", width: NEVER, flat: "" };

export function list(...parts: readonly Doc[]): Doc {
  return listOf(parts);
}

/** As list(), of any length. */
export function listOf(parts: readonly Doc[]): Doc {
  return { kind: "list", parts, width: parts.reduce((sum, { width }) => sum + width, 0) };
}

export function group(inner: Doc, limit = WIDTH): Doc {
  return { kind: "group", inner, width: inner.width, limit };
}

export function indent(inner: Doc): Doc {
  return { kind: "indent", inner, width: inner.width };
}

/** `items` with a comma and a break between. */
export function separated(items: readonly Doc[], between: Doc): Doc {
  return listOf(items.flatMap((item, i) => (i === 0 ? [item] : [between, item])));
}

export function render(doc: Doc): string {
  const printer = new Printer();
  printer.print(doc, 0, false);
  return printer.done();
}

class Printer {
  readonly #out: string[] = [];
  #column = 0;
  /** Nothing but its indentation stands on the line so far; the indentation is written with what comes. */
  #atStart = true;
  #mustBreak = false;

  print(doc: Doc, level: number, flat: boolean): void {
    switch (doc.kind) {
      case "text":
        return this.#text(doc, level);
      case "break":
        if (!flat) this.#newLine();
        else if (doc.flat !== "" && !this.#atStart) this.#write(doc.flat);
        return;
      case "list":
        for (const part of doc.parts) this.print(part, level, flat);
        return;
      case "indent":
        return this.print(doc.inner, level + INDENT, flat);
      case "group": {
        const start = this.#atStart || this.#mustBreak ? level : this.#column;
        const fits = doc.width <= doc.limit && start + doc.width <= WIDTH;
        return this.print(doc.inner, level, flat || fits);
      }
    }
  }

  done(): string {
    return this.#out.join("");
  }

  #text(doc: TextDoc, level: number): void {
    if (this.#mustBreak || (doc.ownLine === true && !this.#atStart)) this.#newLine();
    // A blank before a word is nothing at the start of a line.
    const value = this.#atStart ? doc.text.replace(/^ +/, "") : doc.text;
    if (value === "") return;
    if (this.#atStart) this.#write(" ".repeat(level));
    this.#write(value);
    this.#atStart = false;
    this.#mustBreak = doc.endsLine === true;
  }

  #write(value: string): void {
    this.#out.push(value);
    const end = value.lastIndexOf("\n");
    this.#column = end < 0 ? this.#column + value.length : value.length - end - 1;
  }

  #newLine(): void {
    this.#mustBreak = false;
    if (this.#atStart) return;
    // A blank before a break; no token ends with one.
    this.#out.push(`${this.#out.pop()!.replace(/ +$/, "")}\n`);
    this.#column = 0;
    this.#atStart = true;
  }
}
