/**
 * The tokens of one statement as the formatter writes them: words in their case, comments beside them, blanks between.
 *
 * Flow:    parsed statement and its tokens → pieces() → layout.ts.
 * Case:    words of the grammar in upper case; names (every IdentifierPart of the tree, functions among them) as written.
 * Comments: those behind a token on its line belong to that token (behind a comma or semicolon that follows, to that); the others
 *          to the token that comes next.
 */
import type { StatementNode } from "../parser/ast.ts";
import type { Token } from "../parser/lexer.ts";

export interface CommentText {
  readonly text: string;
  /** Stands on a line of its own, or begins one. */
  readonly ownLine: boolean;
  /** What follows must begin a line. */
  readonly endsLine: boolean;
}

export interface Piece {
  readonly token: Token;
  readonly text: string;
  /** The text in upper case when it is a word of the grammar, else "". */
  readonly keyword: string;
  readonly before: CommentText[];
  readonly after: CommentText[];
  /** A blank separates it from the piece before when both are on one line. */
  blank: boolean;
  /** `<` or `>` around what a type holds. */
  readonly ofType: boolean;
}

interface Marks {
  /** Offsets of names. */
  readonly names: ReadonlySet<number>;
  /** Offsets of signs of unary operators. */
  readonly signs: ReadonlySet<number>;
  /** Offsets behind the names of called functions. */
  readonly calls: ReadonlySet<number>;
  /** Spans of data types. */
  readonly types: readonly { readonly start: number; readonly end: number }[];
}

/** `tokens` are those of the statement alone; `upperCase` is off where a word's case would change the tree. */
export function pieces(
  text: string,
  tokens: readonly Token[],
  statement: StatementNode,
  upperCase: boolean,
): Piece[] {
  const marks = marksOf(statement);
  const inType = typeTest(marks.types);
  const result: Piece[] = [];
  const verbatim = verbatimRanges(tokens);
  const inHint = hintCalls(tokens);
  for (const [i, token] of tokens.entries()) {
    const raw = text.slice(token.start, token.end);
    const isWord = token.kind === "word" && !marks.names.has(token.start);
    const keyword = isWord ? token.value : "";
    const shown = isWord && upperCase && !verbatim.has(i) ? token.value : raw;
    const ofType = /^[<>]$/.test(token.value) && token.kind === "operator" && inType(token.start);
    const piece = { token, text: shown, keyword, before: [], after: [], blank: false, ofType };
    const last = result.at(-1);
    if (last !== undefined) {
      attachComments(text.slice(last.token.end, token.start), last, piece);
      piece.blank = verbatim.has(i)
        ? token.start > last.token.end
        : !inHint.has(i) && needsBlank(last, piece, marks, inType);
    }
    result.push(piece);
  }
  return result;
}

/** The opening parentheses of hints. */
function hintCalls(tokens: readonly Token[]): ReadonlySet<number> {
  const calls = new Set<number>();
  let inHint = false;
  for (const [i, token] of tokens.entries()) {
    if (isOp(token, "/*+")) inHint = true;
    if (isOp(token, "*/")) inHint = false;
    if (inHint && isOp(token, "(")) calls.add(i);
  }
  return calls;
}

/** Between PATTERN's parentheses, blanks stay as they are: signs there are no operators. Words within hints keep their case. */
function verbatimRanges(tokens: readonly Token[]): ReadonlySet<number> {
  const inside = new Set<number>();
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i]!.kind !== "word" || tokens[i]!.value !== "PATTERN") continue;
    if (!isOp(tokens[i + 1], "(")) continue;
    let depth = 0;
    for (let j = i + 1; j < tokens.length; j++) {
      if (isOp(tokens[j], "(")) depth++;
      else if (isOp(tokens[j], ")") && --depth === 0) break;
      if (j > i + 1) inside.add(j);
    }
  }
  let inHint = false;
  for (const [i, token] of tokens.entries()) {
    if (isOp(token, "*/")) inHint = false;
    if (inHint && token.kind === "word" && !isOp(tokens[i + 1], "(")) inside.add(i);
    if (isOp(token, "/*+")) inHint = true;
  }
  return inside;
}

const isOp = (token: Token | undefined, operator: string) =>
  token?.kind === "operator" && token.value === operator;

// ----------------------------------------------------------------------------------------- marks

/** One walk over the tree, without recursion. */
function marksOf(statement: StatementNode): Marks {
  const names = new Set<number>();
  const signs = new Set<number>();
  const calls = new Set<number>();
  const types: { start: number; end: number }[] = [];
  const open: unknown[] = [statement];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    const node = next as Record<string, unknown> & { span?: { start: number; end: number } };
    const { span } = node;
    if (span !== undefined) {
      if (typeof node.quoted === "boolean" && typeof node.name === "string") names.add(span.start);
      if (node.kind === "unary" && node.operator !== "NOT") signs.add(span.start);
      if (node.kind === "call" && node.syntax !== "bare")
        calls.add((node.name as { span: { end: number } }).span.end);
      if (typeof node.kind === "string" && /Type$/.test(node.kind)) types.push(span);
    }
    for (const value of Object.values(node)) {
      if (typeof value === "object" && value !== null) open.push(value);
    }
  }
  return { names, signs, calls, types };
}

function typeTest(types: readonly { start: number; end: number }[]) {
  const sorted = [...types].sort((a, b) => a.start - b.start || b.end - a.end);
  const outer: { start: number; end: number }[] = [];
  for (const type of sorted) if (type.start >= (outer.at(-1)?.end ?? -1)) outer.push(type);
  let at = 0;
  /** Asked with rising offsets. */
  return (offset: number): boolean => {
    while (at < outer.length && outer[at]!.end <= offset) at++;
    return at < outer.length && outer[at]!.start <= offset;
  };
}

// ---------------------------------------------------------------------------------------- blanks

/** Words of the grammar that are written like functions. */
const CALLED = new Set(
  `CAST TRY_CAST EXTRACT FLOOR CEIL CEILING TRIM SUBSTRING POSITION OVERLAY ROW JSON_EXISTS JSON_VALUE JSON_QUERY JSON_OBJECT
  JSON_ARRAY JSON_OBJECTAGG JSON_ARRAYAGG DESCRIPTOR TABLE UNNEST ARRAY MAP MULTISET ROLLUP CUBE PERMUTE RAW TUMBLE HOP CUMULATE
  SESSION TIMESTAMPADD TIMESTAMPDIFF CONVERT TRANSLATE YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND HASH RANGE
  CHAR VARCHAR DECIMAL`.split(/\s+/),
);
const NO_BLANK_BEFORE = new Set([")", "]", ",", ";", ".", ":", "["]);
const NO_BLANK_AFTER = new Set(["(", "[", "."]);

function needsBlank(
  last: Piece,
  next: Piece,
  marks: Marks,
  inType: (offset: number) => boolean,
): boolean {
  if (last.token.kind === "operator") {
    const { value, start } = last.token;
    if (NO_BLANK_AFTER.has(value)) return false;
    // Two signs in a row would begin a comment.
    if (marks.signs.has(start)) return next.token.value.startsWith(value);
    if (last.ofType && value === "<") return false;
    if (value === "-" && next.token.kind === "string") return false;
  }
  if (next.token.kind !== "operator") return true;
  const { value, start } = next.token;
  if (NO_BLANK_BEFORE.has(value)) return false;
  if (next.ofType) return false;
  if (value !== "(") return true;
  return !(marks.calls.has(last.token.end) || CALLED.has(last.keyword) || inType(start));
}

// -------------------------------------------------------------------------------------- comments

const COMMENT = /--[^\r\n]*|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g;

/** The comments of a text between tokens, with how many line ends stand before each. */
export function commentsOf(gap: string): { text: string; linesBefore: number }[] {
  const found: { text: string; linesBefore: number }[] = [];
  let from = 0;
  for (const match of gap.matchAll(COMMENT)) {
    found.push({
      text: match[0].trimEnd(),
      linesBefore: lineEnds(gap.slice(from, match.index)),
    });
    from = match.index + match[0].length;
  }
  return found;
}

export function lineEnds(blanks: string): number {
  return blanks.match(/\r\n|\r|\n/g)?.length ?? 0;
}

/** What stands in the gap between two pieces, to the one or the other. */
function attachComments(gap: string, last: Piece, next: Piece): void {
  // Behind a comment that ends its line, the next line begins.
  const end = last.after.findIndex(({ endsLine }) => endsLine) + 1;
  if (end > 0) next.before.push(...last.after.splice(end));
  if (gap.includes("/") || gap.includes("-")) attachGap(commentsOf(gap), gap, last, next);
  // One with a line of its own among them gives each its own: they would be read so the next time.
  if (!next.before.some(({ ownLine, endsLine }) => ownLine || endsLine)) return;
  for (const [i, { text }] of next.before.entries())
    next.before[i] = { text, ownLine: true, endsLine: true };
}

function attachGap(
  comments: readonly { text: string; linesBefore: number }[],
  gap: string,
  last: Piece,
  next: Piece,
): void {
  const tail = lineEnds(gap.slice(gap.lastIndexOf(comments.at(-1)?.text ?? "")));
  const isClosing = next.token.kind === "operator" && NO_BLANK_BEFORE.has(next.token.value);
  let behind = last.after.at(-1)?.endsLine !== true;
  for (const [i, { text, linesBefore }] of comments.entries()) {
    const isLine = !text.startsWith("/*");
    const isLong = /[\r\n]/.test(text);
    const linesAfter = comments[i + 1]?.linesBefore ?? tail;
    const isInline = !isLine && !isLong && linesAfter === 0;
    if (linesBefore > 0 && !(isInline && isClosing)) behind = false;
    const ofNext = isInline && comments.length === 1 && /^[,(]$/.test(last.token.value);
    if (behind && !ofNext) {
      const separator = next.token.kind === "operator" && /^[,;]$/.test(next.token.value);
      const endsLine = isLine || isLong;
      (separator ? next : last).after.push({ text, ownLine: false, endsLine });
      if (endsLine && !separator) behind = false;
    } else {
      const ownLine = isLine || isLong || linesAfter > 0;
      next.before.push({ text, ownLine, endsLine: ownLine });
    }
  }
}
