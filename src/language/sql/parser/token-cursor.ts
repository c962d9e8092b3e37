/**
 * TokenCursor: walks the tokens of one text; the base of all parser classes.
 *
 * Flow:    lexer → here ← data-type-parser ← expression-parser ← query-parser ← … ← parser.
 * Expects: every test (`at`, `accept`) notes what was looked for at its place, so that an error can
 *          say what would have been right. Tests that look further ahead (`peekIs`) note nothing.
 * Limits:  MAX_NESTING_DEPTH by enter() and leave(); MAX_TREE_DEPTH by `height`: while a node is
 *          being read, it is the height of its tallest child so far; grow() adds the node itself.
 * Errors:  MR2001–MR2008.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import { parseErrors } from "../parse-errors.ts";
import type { IdentifierNode, IdentifierPart } from "./ast.ts";
import {
  type Expectation,
  expand,
  IDENTIFIER,
  QUOTED_STRING,
  unexpectedToken,
} from "./expectations.ts";
import { RESERVED_WORDS } from "./keywords.ts";
import { type LexerOptions, type Token, tokenize } from "./lexer.ts";
import { MAX_NESTING_DEPTH, MAX_TEXT_LENGTH, MAX_TREE_DEPTH } from "./limits.ts";

export class TokenCursor {
  readonly text: string;
  protected readonly tokens: readonly Token[];
  protected pos = 0;
  protected depth = 0;
  protected height = 0;
  private expectedAt = -1;
  private readonly expected: Expectation[] = [];

  constructor(text: string, options: LexerOptions = {}) {
    if (text.length > MAX_TEXT_LENGTH) {
      throw parseErrors.TEXT_TOO_LONG({ length: text.length, limit: MAX_TEXT_LENGTH });
    }
    this.text = text;
    this.tokens = tokenize(text, options);
  }

  // ------------------------------------------------------------------------------------ looking

  get token(): Token {
    return this.tokens[this.pos]!;
  }

  protected tokenAhead(offset: number): Token {
    return this.tokens[Math.min(this.pos + offset, this.tokens.length - 1)]!;
  }

  protected note(what: Expectation): void {
    if (this.expectedAt !== this.pos) {
      this.expectedAt = this.pos;
      this.expected.length = 0;
    }
    this.expected.push(what);
  }

  /** Is the current token this unquoted word? */
  at(word: string): boolean {
    const token = this.tokens[this.pos]!;
    if (token.value === word && token.kind === "word") return true;
    this.note(word);
    return false;
  }

  atOp(operator: string): boolean {
    const token = this.tokens[this.pos]!;
    if (token.value === operator && token.kind === "operator") return true;
    this.note(operator);
    return false;
  }

  protected atAny(...words: readonly string[]): boolean {
    for (const word of words) if (this.at(word)) return true;
    return false;
  }

  /** Tests these words from the current token on; notes the first only. */
  protected atWords(...words: readonly string[]): boolean {
    if (!this.at(words[0]!)) return false;
    for (let i = 1; i < words.length; i++) if (!this.peekIs(i, words[i]!)) return false;
    return true;
  }

  protected peekIs(offset: number, word: string): boolean {
    const token = this.tokenAhead(offset);
    return token.kind === "word" && token.value === word;
  }

  protected peekIsOp(offset: number, operator: string): boolean {
    const token = this.tokenAhead(offset);
    return token.kind === "operator" && token.value === operator;
  }

  protected atEnd(): boolean {
    if (this.token.kind === "eof") return true;
    this.note("<EOF>");
    return false;
  }

  // ------------------------------------------------------------------------------------- taking

  protected advance(): Token {
    const token = this.tokens[this.pos]!;
    if (token.kind === "error") throw this.lexicalError(token);
    if (token.kind !== "eof") this.pos++;
    return token;
  }

  accept(word: string): boolean {
    if (!this.at(word)) return false;
    this.pos++;
    return true;
  }

  acceptOp(operator: string): boolean {
    if (!this.atOp(operator)) return false;
    this.pos++;
    return true;
  }

  protected acceptWords(...words: readonly string[]): boolean {
    if (!this.atWords(...words)) return false;
    this.pos += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) throw this.unexpected();
  }

  expectOp(operator: string): void {
    if (!this.acceptOp(operator)) throw this.unexpected();
  }

  /** One of these words; returns it. */
  protected expectOne<const W extends readonly string[]>(...words: W): W[number] {
    const found = this.acceptOne(...words);
    if (found === undefined) throw this.unexpected();
    return found;
  }

  protected acceptOne<const W extends readonly string[]>(...words: W): W[number] | undefined {
    for (const word of words) if (this.accept(word)) return word;
    return undefined;
  }

  protected commaList<T>(item: () => T): T[] {
    const items = [item()];
    while (this.acceptOp(",")) items.push(item());
    return items;
  }

  protected parenList<T>(item: () => T): T[] {
    this.expectOp("(");
    const items = this.commaList(item);
    this.expectOp(")");
    return items;
  }

  // -------------------------------------------------------------------------------------- names

  protected atIdentifier(): boolean {
    if (this.isName(this.token)) return true;
    this.note(IDENTIFIER);
    return false;
  }

  protected isName(token: Token): boolean {
    if (token.kind === "word") return !RESERVED_WORDS.has(token.value);
    return token.kind === "quotedName";
  }

  protected identifierPart(): IdentifierPart {
    if (!this.atIdentifier()) throw this.unexpected();
    return this.takePart();
  }

  /** The current token as a name, whatever word it is. */
  protected takePart(): IdentifierPart {
    const token = this.advance();
    const quoted = token.kind === "quotedName";
    const name = quoted ? token.value : this.text.slice(token.start, token.end);
    return { name, quoted, span: spanOf(token) };
  }

  protected simpleIdentifier(): IdentifierNode {
    const part = this.identifierPart();
    return { kind: "identifier", parts: [part], span: part.span };
  }

  protected compoundIdentifier(): IdentifierNode {
    const first = this.identifierPart();
    if (!this.atOp(".")) return { kind: "identifier", parts: [first], span: first.span };
    const parts = [first];
    while (this.acceptOp(".")) parts.push(this.identifierPart());
    return { kind: "identifier", parts, span: this.spanFrom(first.span) };
  }

  protected identifierList(): IdentifierPart[] {
    return this.parenList(() => this.identifierPart());
  }

  // ------------------------------------------------------------------------------------ strings

  protected atString(): boolean {
    if (this.token.kind === "string" || this.token.kind === "charsetString") return true;
    if (this.token.kind === "unicodeString") return true;
    this.note(QUOTED_STRING);
    return false;
  }

  /** A plain string literal of the grammar: option keys, paths, comments. */
  protected stringValue(): string {
    if (!this.atString()) throw this.unexpected();
    const token = this.advance();
    return token.kind === "unicodeString" ? this.unicodeValue(token) : token.value;
  }

  /** The characters of U&'…' [UESCAPE 'c'] whose token was just taken. */
  protected unicodeValue(token: Token): string {
    let mark = "\\";
    if (this.accept("UESCAPE")) {
      const at = this.token;
      mark = this.stringValue();
      if (mark.length !== 1 || /[0-9a-fA-F+'"\s]/.test(mark)) {
        throw this.literalError("UESCAPE must be a single character", at);
      }
    }
    const e = mark.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    const pattern = new RegExp(`${e}(?:(${e})|([0-9a-fA-F]{4})|)`, "g");
    return token.value.replace(pattern, (_, same?: string, digits?: string) => {
      if (same !== undefined) return same;
      if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
      throw this.literalError("Unicode escape sequence is not followed by four digits", token);
    });
  }

  protected unsignedInteger(): number {
    if (this.token.kind !== "integer") {
      this.note("<UNSIGNED_INTEGER_LITERAL>");
      throw this.unexpected();
    }
    const token = this.advance();
    const value = Number(token.value);
    if (value > 2147483647) {
      throw this.literalError(`Numeric literal '${token.value}' out of range`, token);
    }
    return value;
  }

  // --------------------------------------------------------------------------------- places and
  // errors

  protected here(): Span {
    return spanOf(this.token);
  }

  /** From a start to the end of the last token taken. */
  protected spanFrom(start: Span): Span {
    const last = this.tokens[this.pos - 1];
    const end = last === undefined || last.end < start.start ? start.end : last.end;
    return { start: start.start, end, line: start.line, column: start.column };
  }

  protected enter(): void {
    if (++this.depth > MAX_NESTING_DEPTH) {
      throw parseErrors.TOO_DEEP({ limit: MAX_NESTING_DEPTH }, { at: this.here() });
    }
  }

  protected leave(): void {
    this.depth--;
  }

  protected grow(): void {
    if (++this.height > MAX_TREE_DEPTH) {
      throw parseErrors.TOO_DEEP({ limit: MAX_TREE_DEPTH }, { at: this.here() });
    }
  }

  /** What was looked for at the current place. */
  protected expectedHere(): readonly string[] {
    return this.expectedAt === this.pos ? expand(this.expected) : [];
  }

  unexpected(): Error {
    const token = this.token;
    if (token.kind === "error") return this.lexicalError(token);
    if (this.expectedAt !== this.pos) this.expected.length = 0;
    const [before, previous] = [this.tokens[this.pos - 2], this.tokens[this.pos - 1]];
    return unexpectedToken(this.text, token, this.expected, previous, before);
  }

  /** Whether the word is one that could stand here, for errors only. */
  protected lexicalError(token: Token): Error {
    const doubleQuoted = token.value.startsWith('"\\""');
    return parseErrors.LEXICAL(
      {
        line: token.line,
        column: token.column,
        what: token.value,
        remedy: doubleQuoted
          ? "Names are quoted with backticks, strings with single quotes."
          : lexicalRemedy(token.value),
      },
      { at: spanOf(token) },
    );
  }

  protected literalError(problem: string, token: Token): Error {
    return parseErrors.LITERAL({ problem }, { at: spanOf(token) });
  }

  protected notAllowed(reason: string, at: Span = this.here()): Error {
    return parseErrors.NOT_ALLOWED({ reason }, { at });
  }

  protected unsupported(what: string, remedy: string, at: Span = this.here()): Error {
    return parseErrors.UNSUPPORTED({ what, remedy }, { at });
  }
}

function lexicalRemedy(what: string): string {
  if (what.startsWith("a string"))
    return "Close it with a single quote; a quote within it is written twice ('').";
  if (what.startsWith("a quoted name")) return "Close the name with a backtick.";
  if (what.startsWith("a comment")) return "Close the comment with */.";
  return "Correct the text at this place.";
}

export function spanOf(token: Token): Span {
  return { start: token.start, end: token.end, line: token.line, column: token.column };
}
