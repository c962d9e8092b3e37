/**
 * The lexer: text → tokens, in one pass over UTF-16 code units.
 *
 * Flow:    editor, parser → here. Comments (`--`, `//`, block comments) and blanks are skipped; a
 *          hint is kept as its two brackets, the operators "/*+" and the closing one, with ordinary
 *          tokens between.
 * Shapes:  start inclusive, end exclusive; line and column count from 1; a tab is one column; \n,
 *          \r and \r\n end a line. The last token is always "eof", whose place is that of the last
 *          character, as in Flink's messages.
 * Errors:  none is thrown: what is no token becomes one of kind "error" with `value` = what is
 *          wrong; the parser turns it into MR2003.
 * Source:  the tokens of Flink's SQL parser in its default state (backticks quote, case kept).
 */

export type TokenKind =
  | "word"
  | "quotedName"
  | "string"
  | "unicodeString"
  | "charsetString"
  | "binary"
  | "integer"
  | "decimal"
  | "approximate"
  | "operator"
  | "error"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  /**
   * word: the text in upper case; operator: its text; quotedName, string: the contents, unescaped;
   * charsetString: the contents (charset in `charset`); numbers: the text; error: what is wrong.
   */
  readonly value: string;
  readonly charset?: string;
}

export interface LexerOptions {
  /** What quotes a name: Flink's backtick, or the SQL standard's double quote. */
  readonly quoting?: "backtick" | "doubleQuote";
}

const OPERATORS_2 = new Set(["<=", ">=", "<>", "!=", "||", "=>", "->", "**", "{-", "-}"]);
const OPERATORS_1 = "(){}[];.,=><?:+-*/%|^$!&";

const CHAR = { blank: 1, digit: 2, letter: 4 } as const;
const CLASS = new Uint8Array(128);
for (const c of " \t\n\r\f") CLASS[c.charCodeAt(0)] = CHAR.blank;
for (const c of "0123456789") CLASS[c.charCodeAt(0)] = CHAR.digit;
for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$") {
  CLASS[c.charCodeAt(0)] = CHAR.letter;
}
const LETTER_BEYOND_ASCII = /\p{L}/u;
const DIGIT_BEYOND_ASCII = /\p{Nd}/u;

/** All tokens of a text, "eof" last. */
export function tokenize(text: string, options: LexerOptions = {}): Token[] {
  return new Lexer(text, options.quoting ?? "backtick").run();
}

class Lexer {
  private readonly text: string;
  private readonly quote: string;
  private readonly tokens: Token[] = [];
  private readonly upper = new Map<string, string>();
  private pos = 0;
  private line = 1;
  private lineStart = 0;
  private inHint = false;

  constructor(text: string, quoting: "backtick" | "doubleQuote") {
    this.text = text;
    this.quote = quoting === "backtick" ? "`" : '"';
  }

  run(): Token[] {
    const { text } = this;
    while (this.pos < text.length) {
      const c = text.charCodeAt(this.pos);
      const cls = c < 128 ? CLASS[c]! : this.classBeyondAscii(this.pos);
      if (cls === CHAR.blank) this.skipBlank(c);
      else if (cls === CHAR.letter) this.word();
      else if (cls === CHAR.digit) this.number();
      else this.other(text[this.pos]!);
    }
    const last = Math.max(this.lineStart, text.length - 1);
    const atBreak = this.lineStart === text.length && text.length > 0;
    this.tokens.push({
      kind: "eof",
      start: text.length,
      end: text.length,
      line: atBreak ? this.line - 1 : this.line,
      column: atBreak ? this.lastLineLength() : last - this.lineStart + 1,
      value: "<EOF>",
    });
    return this.tokens;
  }

  private lastLineLength(): number {
    const { text } = this;
    let from = text.length - 2;
    while (from >= 0 && text[from] !== "\n" && text[from] !== "\r") from--;
    return text.length - 1 - from;
  }

  private skipBlank(c: number): void {
    this.pos++;
    if (c === 13) {
      if (this.text.charCodeAt(this.pos) === 10) this.pos++;
      this.newLine();
    } else if (c === 10) {
      this.newLine();
    }
  }

  private newLine(): void {
    this.line++;
    this.lineStart = this.pos;
  }

  private push(kind: TokenKind, end: number, value: string, charset?: string): void {
    const start = this.pos;
    const token = { kind, start, end, line: this.line, column: start - this.lineStart + 1, value };
    this.tokens.push(charset === undefined ? token : { ...token, charset });
    this.pos = end;
  }

  /** Like push, for tokens that may hold line breaks. */
  private pushLong(kind: TokenKind, end: number, value: string, charset?: string): void {
    const start = this.pos;
    this.push(kind, end, value, charset);
    this.countLines(start, end);
  }

  private countLines(start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 10 || (c === 13 && this.text.charCodeAt(i + 1) !== 10)) {
        this.line++;
        this.lineStart = i + 1;
      }
    }
  }

  private word(): void {
    const { text } = this;
    let end = this.pos + 1;
    while (end < text.length) {
      const c = text.charCodeAt(end);
      const cls = c < 128 ? CLASS[c]! : this.classBeyondAscii(end);
      if (cls !== CHAR.letter && cls !== CHAR.digit) break;
      end++;
    }
    const image = text.slice(this.pos, end);
    if (text[end] === "'" && this.prefixedString(image, end)) return;
    if (text[end] === "&" && text[end + 1] === "'" && (image === "U" || image === "u")) {
      this.quotedString("unicodeString", end + 1);
      return;
    }
    let upper = this.upper.get(image);
    if (upper === undefined) {
      upper = image.toUpperCase();
      this.upper.set(image, upper);
    }
    this.push("word", end, upper);
  }

  /** X'0a', N'abc', _utf8'abc', e'a\n'. */
  private prefixedString(image: string, quoteAt: number): boolean {
    if (image === "X" || image === "x") this.quotedString("binary", quoteAt);
    else if (image === "N" || image === "n")
      this.quotedString("charsetString", quoteAt, "ISO-8859-1");
    else if (image === "E" || image === "e") this.escapedString(quoteAt);
    else if (image.startsWith("_")) {
      this.quotedString("charsetString", quoteAt, image.slice(1));
    } else return false;
    return true;
  }

  private quotedString(kind: TokenKind, quoteAt: number, charset?: string): void {
    const end = this.quotedEnd(quoteAt, "'");
    if (end < 0) return this.unterminated("a string literal without its closing quote");
    const body = this.text.slice(quoteAt + 1, end - 1);
    this.pushLong(kind, end, body.includes("'") ? body.replaceAll("''", "'") : body, charset);
  }

  /** The offset behind the closing quote, or -1. */
  private quotedEnd(quoteAt: number, quote: string): number {
    for (let at = this.text.indexOf(quote, quoteAt + 1); at >= 0; ) {
      if (this.text[at + 1] !== quote) return at + 1;
      at = this.text.indexOf(quote, at + 2);
    }
    return -1;
  }

  private escapedString(quoteAt: number): void {
    const { text } = this;
    let at = quoteAt + 1;
    for (; at < text.length; at++) {
      if (text[at] === "\\") at++;
      else if (text[at] === "'") {
        if (text[at + 1] !== "'") break;
        at++;
      }
    }
    if (at >= text.length) return this.unterminated("a string literal without its closing quote");
    const body = text.slice(quoteAt + 1, at);
    const value = unescapeC(body);
    if (value === undefined) {
      this.pushLong("error", at + 1, "an escape sequence that is not valid in an E'…' literal");
    } else this.pushLong("string", at + 1, value);
  }

  private unterminated(what: string): void {
    this.pushLong("error", this.text.length, what);
  }

  private number(): void {
    const match = NUMBER;
    match.lastIndex = this.pos;
    const found = match.exec(this.text);
    const image = found === null ? this.text[this.pos]! : found[0];
    const kind = /[eE]/.test(image) ? "approximate" : image.includes(".") ? "decimal" : "integer";
    this.push(kind, this.pos + image.length, image);
  }

  private other(c: string): void {
    const { text, pos } = this;
    const next = text[pos + 1];
    if (c === "'") this.quotedString("string", pos);
    else if (c === this.quote) this.quotedName();
    else if (c === "-" && next === "-") this.lineComment();
    else if (c === "/" && next === "/") this.lineComment();
    else if (c === "/" && next === "*") this.blockComment();
    else if (c === "*" && next === "/" && this.inHint) {
      this.inHint = false;
      this.push("operator", pos + 2, "*/");
    } else if (c === "." && next !== undefined && next >= "0" && next <= "9") {
      if (this.previousEndsName()) this.push("operator", pos + 1, ".");
      else this.number();
    } else if (next !== undefined && OPERATORS_2.has(c + next))
      this.push("operator", pos + 2, c + next);
    else if (OPERATORS_1.includes(c)) this.push("operator", pos + 1, c);
    else this.unknown(c);
  }

  private previousEndsName(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined || last.end !== this.pos) return false;
    return last.kind === "quotedName" || last.kind === "word";
  }

  private unknown(c: string): void {
    const code = this.text.codePointAt(this.pos)!;
    const shown = c === '"' ? '\\"' : String.fromCodePoint(code);
    this.push("error", this.pos + (code > 0xffff ? 2 : 1), `"${shown}" (${code}), after : ""`);
  }

  private quotedName(): void {
    const end = this.quotedEnd(this.pos, this.quote);
    const body = end < 0 ? "" : this.text.slice(this.pos + 1, end - 1);
    if (end < 0) return this.unterminated("a quoted name without its closing quote");
    if (body === "") return this.push("error", end, "a quoted name without characters");
    if (/[\r\n]/.test(body)) return this.pushLong("error", end, "a line break in a quoted name");
    this.push("quotedName", end, body.replaceAll(this.quote + this.quote, this.quote));
  }

  private lineComment(): void {
    const { text } = this;
    while (this.pos < text.length && text[this.pos] !== "\n" && text[this.pos] !== "\r") this.pos++;
  }

  private blockComment(): void {
    if (this.text[this.pos + 2] === "+") {
      this.inHint = true;
      this.push("operator", this.pos + 3, "/*+");
      return;
    }
    const start = this.pos;
    const end = this.text.indexOf("*/", start + 2);
    if (end < 0) return this.unterminated("a comment without its end");
    this.pos = end + 2;
    this.countLines(start, this.pos);
  }

  private classBeyondAscii(at: number): number {
    const c = this.text[at]!;
    if (c === "\u3000" || c === "\u00a0") return 0;
    if (LETTER_BEYOND_ASCII.test(c)) return CHAR.letter;
    return DIGIT_BEYOND_ASCII.test(c) ? CHAR.letter : 0;
  }
}

const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;

/** C-style escapes of E'…'; undefined where one is wrong. */
function unescapeC(body: string): string | undefined {
  let wrong = false;
  const simple: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
  const value = body.replace(
    /''|\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g,
    (whole, u4?: string, u8?: string, hex?: string, octal?: string, char?: string) => {
      if (whole === "''") return "'";
      const digits = u4 ?? u8 ?? hex;
      if (digits !== undefined) {
        const code = Number.parseInt(digits, 16);
        if (code <= 0x10ffff) return String.fromCodePoint(code);
        wrong = true;
        return "";
      }
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (char === "u" || char === "U" || char === "x") wrong = true;
      return simple[char ?? ""] ?? char ?? "";
    },
  );
  return wrong ? undefined : value;
}
