/**
 * The SQL parser: text → syntax tree (ast.ts). The engine, the editor and the doors all use this
 * one.
 *
 * Flow:    text → lexer.ts → here → validator.
 * Example: parseScript("SELECT a FROM t; SELECT b FORM t").errors[0].message
 *          // Encountered "t" at line 1, column 32. …, with didYouMean ["FROM"]
 * Limits:  limits.ts. Errors: MR20xx (parse-errors.ts).
 */
import { MillraceError, toMillraceError } from "../../../foundation/base/errors.ts";
import { parseErrors } from "../parse-errors.ts";
import type { ExpressionNode, StatementNode } from "./ast.ts";
import type { LexerOptions } from "./lexer.ts";
import { MAX_SCRIPT_ERRORS } from "./limits.ts";
import { StatementParser } from "./statement-parser.ts";

export { expectedTokens } from "./expectations.ts";
export { tokenize } from "./lexer.ts";

export interface ParsedScript {
  readonly statements: readonly StatementNode[];
  /**
   * In the order of the text, at most MAX_SCRIPT_ERRORS; the statements with errors are left out.
   */
  readonly errors: readonly MillraceError[];
}

/**
 * Statements separated by semicolons; after an error the parser goes on behind the next semicolon.
 */
export function parseScript(text: string, options: LexerOptions = {}): ParsedScript {
  const statements: StatementNode[] = [];
  const errors: MillraceError[] = [];
  let parser: Parser;
  try {
    parser = new Parser(text, options);
  } catch (error) {
    return { statements, errors: [asParseError(error)] };
  }
  while (parser.nextStatement() && errors.length < MAX_SCRIPT_ERRORS) {
    try {
      statements.push(parser.scriptStatement());
    } catch (error) {
      errors.push(asParseError(error));
      parser.resynchronise();
    }
  }
  return { statements, errors };
}

/** A statement of a script, or the text that is none, with its error: tokens from start to end, without semicolons. */
export interface ScriptPart {
  readonly start: number;
  readonly end: number;
  readonly statement?: StatementNode;
  readonly error?: MillraceError;
}

/** The whole script in pieces, for the editor: what is wrong is kept in its place, however much of it there is. */
export function parseParts(text: string, options: LexerOptions = {}): ScriptPart[] {
  const parts: ScriptPart[] = [];
  const parser = new Parser(text, options);
  while (parser.nextStatement()) {
    const { start } = parser.token;
    try {
      const statement = parser.scriptStatement();
      parts.push({ start, end: parser.endOfLast(), statement });
    } catch (error) {
      parser.resynchronise();
      parts.push({ start, end: parser.endOfLast(), error: asParseError(error) });
    }
  }
  return parts;
}

/** Exactly one statement; a semicolon may end it. Throws its first error. */
export function parseStatement(text: string, options: LexerOptions = {}): StatementNode {
  return new Parser(text, options).singleStatement();
}

/** Exactly one expression. Throws its first error. */
export function parseExpression(text: string, options: LexerOptions = {}): ExpressionNode {
  return new Parser(text, options).singleExpression();
}

/**
 * What may stand at an offset: keywords, operators, and groups such as <IDENTIFIER> (a name) and
 * <QUOTED_STRING>. The word that ends there is taken as unfinished and left out; the texts before
 * must be right, else the answer is empty.
 */
export function expectedAt(text: string, offset: number): readonly string[] {
  const before = text.slice(0, offset).replace(/[\p{L}\p{N}_$]+$/u, "");
  return new Parser(before, {}).expectedAtEnd();
}

class Parser extends StatementParser {
  /** Skips empty statements; is there another one? */
  nextStatement(): boolean {
    while (this.peekIsOp(0, ";")) this.advance();
    return this.token.kind !== "eof";
  }

  scriptStatement(): StatementNode {
    this.depth = 0;
    this.height = 0;
    const statement = this.statement();
    if (!this.atEnd() && !this.atOp(";")) throw this.unexpected();
    return statement;
  }

  resynchronise(): void {
    while (this.token.kind !== "eof" && !this.peekIsOp(0, ";")) this.pos++;
  }

  endOfLast(): number {
    return this.tokens[this.pos - 1]!.end;
  }

  singleStatement(): StatementNode {
    if (this.token.kind === "eof") {
      const { line, column } = this.token;
      throw parseErrors.EMPTY({ line, column }, { at: this.here() });
    }
    const statement = this.statement();
    if (this.peekIsOp(0, ";")) this.nextStatement();
    if (!this.atEnd()) throw this.unexpected();
    return statement;
  }

  expectedAtEnd(): readonly string[] {
    for (;;) {
      while (this.peekIsOp(0, ";")) this.advance();
      try {
        this.scriptStatement();
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        if (this.token.kind === "eof") return this.expectedHere();
        this.resynchronise();
      }
      if (this.token.kind === "eof") return this.expectedHere();
    }
  }

  singleExpression(): ExpressionNode {
    const value = this.expression();
    if (!this.atEnd()) throw this.unexpected();
    return value;
  }
}

function asParseError(error: unknown): MillraceError {
  return error instanceof MillraceError ? error : toMillraceError(error);
}
