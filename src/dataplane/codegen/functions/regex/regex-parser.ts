/**
 * Parses Java's regular expressions (java.util.regex.Pattern) to a tree.
 *
 * Takes:   classes with ranges, unions and &&, \p{…}, \Q…\E, groups (capturing, named, (?:…), flags i s m x u, lookaround,
 *          atomic), back references, greedy, lazy and possessive quantifiers, ^ $ \A \z \Z \b \B, \uXXXX \xXX \0oo.
 * Refuses: \G, \X, \R in classes and conditional constructs: MR4108 with the pattern.
 */
import { codegenErrors } from "../../errors.ts";
import { escapeClass, foldCase, LINE_END, propertyClass } from "./regex-classes.ts";
import {
  type Assertion,
  intersect,
  negate,
  normalize,
  type Ranges,
  type RegexNode,
} from "./regex-node.ts";

export interface ParsedRegex {
  readonly root: RegexNode;
  /** Without group 0. */
  readonly groups: number;
}

/** Deeper nesting is refused. */
const MAX_DEPTH = 200;
const MAX_REPEAT = 1000;

interface Flags {
  readonly ignoreCase: boolean;
  readonly unicode: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
  readonly comments: boolean;
}

export function parseRegex(pattern: string, functionName: string): ParsedRegex {
  return new RegexParser(pattern, functionName).parse();
}

class RegexParser {
  readonly #text: string;
  readonly #functionName: string;
  readonly #names = new Map<string, number>();
  #at = 0;
  #groups = 0;
  #depth = 0;
  #flags: Flags = {
    ignoreCase: false,
    unicode: false,
    dotAll: false,
    multiline: false,
    comments: false,
  };

  constructor(text: string, functionName: string) {
    this.#text = text;
    this.#functionName = functionName;
  }

  parse(): ParsedRegex {
    const root = this.#choice();
    if (this.#at < this.#text.length) throw this.#invalid();
    return { root, groups: this.#groups };
  }

  #choice(): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw this.#invalid();
    const before = this.#flags;
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#flags = before;
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      if (this.#flags.comments) this.#skipComments();
      const next = this.#text[this.#at];
      if (next === undefined || next === "|" || next === ")") break;
      if (this.#text.startsWith("\\Q", this.#at)) parts.push(...this.#quoted());
      else {
        const atom = this.#atom();
        if (atom !== undefined) parts.push(this.#quantified(atom));
      }
    }
    return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #quoted(): RegexNode[] {
    const end = this.#text.indexOf("\\E", this.#at);
    const text = this.#text.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return [...text].map((char) => this.#char(char.codePointAt(0)!));
  }

  #quantified(atom: RegexNode): RegexNode {
    let node = atom;
    for (;;) {
      const bounds = this.#bounds();
      if (bounds === undefined) return node;
      const mode = this.#take("?") ? "lazy" : this.#take("+") ? "possessive" : "greedy";
      node = { kind: "repeat", part: node, ...bounds, mode };
    }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    const match = /^\{(\d+)(,(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 24));
    if (match === null) {
      if (this.#text[this.#at] === "{") throw this.#invalid();
      return undefined;
    }
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max =
      match[2] === undefined ? min : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (min > max || min > MAX_REPEAT || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEAT)) {
      throw this.#invalid();
    }
    return { min, max };
  }

  #atom(): RegexNode | undefined {
    const char = this.#next();
    switch (char) {
      case ".":
        return { kind: "class", ranges: this.#flags.dotAll ? [[0, 0x10ffff]] : negate(LINE_END) };
      case "^":
        return { kind: "assert", what: this.#flags.multiline ? "lineStart" : "textStart" };
      case "$":
        return { kind: "assert", what: this.#flags.multiline ? "lineEnd" : "textEndOrNewline" };
      case "[":
        return { kind: "class", ranges: this.#class() };
      case "(":
        return this.#group();
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw this.#invalid();
      default:
        return this.#char(char.codePointAt(0)!);
    }
  }

  #char(codePoint: number): RegexNode {
    const { ignoreCase, unicode } = this.#flags;
    if (!ignoreCase) return { kind: "char", codePoint };
    const ranges = foldCase([[codePoint, codePoint]], unicode);
    return ranges.length === 1 && ranges[0]![0] === ranges[0]![1]
      ? { kind: "char", codePoint }
      : { kind: "class", ranges };
  }

  #group(): RegexNode | undefined {
    if (!this.#take("?")) return this.#capture();
    if (this.#take(":")) return this.#close(this.#choice());
    if (this.#take(">")) return { kind: "atomic", part: this.#close(this.#choice()) };
    if (this.#take("=")) return this.#look(false, false);
    if (this.#take("!")) return this.#look(true, false);
    if (this.#take("<=")) return this.#look(false, true);
    if (this.#take("<!")) return this.#look(true, true);
    const name = /^<([A-Za-z][A-Za-z0-9]*)>/.exec(this.#text.slice(this.#at));
    if (name !== null) {
      this.#at += name[0].length;
      this.#names.set(name[1]!, this.#groups + 1);
      return this.#capture();
    }
    return this.#flagGroup();
  }

  #capture(): RegexNode {
    const index = ++this.#groups;
    return { kind: "group", index, part: this.#close(this.#choice()) };
  }

  #look(negative: boolean, behind: boolean): RegexNode {
    return { kind: "look", negative, behind, part: this.#close(this.#choice()) };
  }

  /** (?i) for the rest of the group, (?i:…) for its own. */
  #flagGroup(): RegexNode | undefined {
    const match = /^([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/.exec(this.#text.slice(this.#at));
    if (match === null) throw this.#invalid();
    this.#at += match[0].length;
    const before = this.#flags;
    this.#setFlags(match[1] ?? "", true);
    this.#setFlags(match[2] ?? "", false);
    if (match[3] === ")") return undefined;
    const part = this.#close(this.#choice());
    this.#flags = before;
    return part;
  }

  #setFlags(letters: string, on: boolean): void {
    const names = {
      i: "ignoreCase",
      u: "unicode",
      s: "dotAll",
      m: "multiline",
      x: "comments",
    } as const;
    for (const letter of letters) {
      const name = names[letter as keyof typeof names];
      if (name === undefined) throw this.#invalid();
      this.#flags = { ...this.#flags, [name]: on };
    }
  }

  #escape(): RegexNode {
    const letter = this.#peek();
    const assertion = ASSERTION_LETTERS[letter];
    if (assertion !== undefined) {
      this.#at++;
      return { kind: "assert", what: assertion };
    }
    if (letter === "k") {
      const name = /^k<([A-Za-z][A-Za-z0-9]*)>/.exec(this.#text.slice(this.#at));
      const index = name === null ? undefined : this.#names.get(name[1]!);
      if (name === null || index === undefined) throw this.#invalid();
      this.#at += name[0].length;
      return { kind: "backreference", index };
    }
    if (/[1-9]/.test(letter)) return this.#backreference();
    if (letter === "R") {
      this.#at++;
      return lineBreak;
    }
    const ranges = this.#classEscape();
    if (ranges.length === 1 && ranges[0]![0] === ranges[0]![1]) return this.#char(ranges[0]![0]);
    return { kind: "class", ranges };
  }

  #backreference(): RegexNode {
    let index = Number(this.#next());
    while (
      /\d/.test(this.#text[this.#at] ?? "") &&
      index * 10 + Number(this.#text[this.#at]) <= this.#groups
    ) {
      index = index * 10 + Number(this.#next());
    }
    if (index > this.#groups) throw this.#invalid();
    return { kind: "backreference", index };
  }

  /** An escape that stands for characters, behind the backslash; also within classes. */
  #classEscape(): Ranges {
    const letter = this.#next();
    const named = escapeClass(letter);
    if (named !== undefined) return named;
    if (letter === "p" || letter === "P") return this.#property(letter === "P");
    const simple = SIMPLE_ESCAPES[letter];
    if (simple !== undefined) return single(simple);
    if (letter === "x") return single(this.#hex(/^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/));
    if (letter === "u") return single(this.#hex(/^()([0-9a-fA-F]{4})/));
    if (letter === "0") {
      const octal = /^[0-3]?[0-7]{1,2}/.exec(this.#text.slice(this.#at));
      if (octal === null) throw this.#invalid();
      this.#at += octal[0].length;
      return single(Number.parseInt(octal[0], 8));
    }
    if (letter === "c") return single(this.#next().charCodeAt(0) ^ 64);
    if (/[A-Za-z]/.test(letter)) throw this.#invalid();
    return single(letter.codePointAt(0)!);
  }

  #property(negative: boolean): Ranges {
    const match = /^(?:\{([^}]+)\}|(.))/.exec(this.#text.slice(this.#at));
    const ranges = match === null ? undefined : propertyClass(match[1] ?? match[2]!);
    if (match === null || ranges === undefined) throw this.#invalid();
    this.#at += match[0].length;
    return negative ? negate(ranges) : ranges;
  }

  #hex(shape: RegExp): number {
    const match = shape.exec(this.#text.slice(this.#at));
    if (match === null) throw this.#invalid();
    this.#at += match[0].length;
    return Number.parseInt(match[1] || match[2]!, 16);
  }

  /** Behind `[`: items, nested classes, && for what is in both. */
  #class(): Ranges {
    if (++this.#depth > MAX_DEPTH) throw this.#invalid();
    const negative = this.#take("^");
    let ranges: Ranges = [];
    let both: Ranges | undefined;
    for (let first = true; ; first = false) {
      if (this.#at >= this.#text.length) throw this.#invalid();
      if (this.#text[this.#at] === "]" && !first) break;
      if (this.#take("&&")) {
        both = both === undefined ? ranges : intersect(both, ranges);
        ranges = [];
      } else if (this.#take("[")) ranges = [...ranges, ...this.#class()];
      else ranges = [...ranges, ...this.#classItem()];
    }
    this.#at++;
    this.#depth--;
    let result = both === undefined ? normalize(ranges) : intersect(both, ranges);
    if (this.#flags.ignoreCase) result = foldCase(result, this.#flags.unicode);
    return negative ? negate(result) : result;
  }

  #classItem(): Ranges {
    const from = this.#classChar();
    const isRange =
      this.#text[this.#at] === "-" && !["]", "[", undefined].includes(this.#text[this.#at + 1]);
    if (!isRange || from.length !== 1 || from[0]![0] !== from[0]![1]) return from;
    this.#at++;
    const to = this.#classChar();
    if (to.length !== 1 || to[0]![0] !== to[0]![1] || to[0]![0] < from[0]![0])
      throw this.#invalid();
    return [[from[0]![0], to[0]![0]]];
  }

  #classChar(): Ranges {
    const char = this.#next();
    return char === "\\" ? this.#classEscape() : single(char.codePointAt(0)!);
  }

  #close(part: RegexNode): RegexNode {
    if (!this.#take(")")) throw this.#invalid();
    return part;
  }

  #skipComments(): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end < 0 ? this.#text.length : end + 1;
      } else if (char !== undefined && /\s/.test(char)) this.#at++;
      else return;
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw this.#invalid();
    const char = String.fromCodePoint(code);
    this.#at += char.length;
    return char;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #invalid() {
    return codegenErrors.ARGUMENT_INVALID(
      {
        function: this.#functionName,
        reason: "not a regular expression",
        where: `at its character ${this.#at + 1}`,
      },
      { value: this.#text },
    );
  }
}

const single = (code: number): Ranges => [[code, code]];

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  r: 13,
  f: 12,
  a: 7,
  e: 27,
};

const ASSERTION_LETTERS: Readonly<Record<string, Assertion>> = {
  A: "textStart",
  z: "textEnd",
  Z: "textEndOrNewline",
  b: "wordBoundary",
  B: "noWordBoundary",
};

/** \R: a line break of any kind, CR LF as one. */
const lineBreak: RegexNode = {
  kind: "choice",
  parts: [
    {
      kind: "sequence",
      parts: [
        { kind: "char", codePoint: 13 },
        { kind: "char", codePoint: 10 },
      ],
    },
    {
      kind: "class",
      ranges: normalize([
        [10, 13],
        [0x85, 0x85],
        [0x2028, 0x2029],
      ]),
    },
  ],
};
