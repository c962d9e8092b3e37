/**
 * What to do about a token that does not fit: the usual slips, each told by what stands around it. Messages are Flink's; this is the
 * hint beside them.
 *
 * Flow: expectations.ts → here.
 */
import { RESERVED_WORDS, wordList } from "./keywords.ts";
import type { Token } from "./lexer.ts";

export interface Misfit {
  readonly text: string;
  readonly token: Token;
  readonly previous: Token | undefined;
  /** Single tokens, as expand() lists them. */
  readonly expected: readonly string[];
}

const CLAUSES = new Set(
  wordList(
    "FROM WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET FETCH UNION INTERSECT EXCEPT",
  ),
);
const CLAUSE_ORDER =
  "Clauses stand in this order: SELECT, FROM, WHERE, GROUP BY, HAVING, WINDOW, QUALIFY, ORDER BY, LIMIT.";
const STARTERS = new Set(
  wordList(
    "SELECT INSERT CREATE DROP ALTER SET SHOW DESCRIBE EXPLAIN EXECUTE WITH USE UPDATE DELETE",
  ),
);
const GENERAL = "Correct the statement at this place.";

export function remedyFor(misfit: Misfit): string {
  return slipOf(misfit) ?? missingOf(misfit) ?? reservedOf(misfit) ?? clauseOf(misfit) ?? GENERAL;
}

const isOp = (token: Token | undefined, ...operators: readonly string[]) =>
  token?.kind === "operator" && operators.includes(token.value);

/** What is written, but should be otherwise. */
function slipOf({ text, token, previous, expected }: Misfit): string | undefined {
  const raw = text.slice(token.start, token.end);
  const onlyText = expected.length === 1 && expected[0] === "<QUOTED_STRING>";
  if (onlyText && token.kind === "word") return `Put it in single quotes: '${raw}'.`;
  if (isOp(token, "=") && isOp(previous, "=")) return "Equality is written with one =.";
  if (isOp(token, ":") && text[token.end] === ":")
    return "Write CAST(x AS type) instead of x::type.";
  if (isOp(previous, ",") && !expected.includes("WITH")) {
    const ends = isOp(token, ")") || (token.kind === "word" && CLAUSES.has(token.value));
    if (ends) return "Remove the comma before it, or write what it separates.";
  }
  if (token.kind === "integer" && previous?.value === "TOP")
    return "Write LIMIT at the end of the query instead of TOP.";
  const isNext = expected.includes(";") || expected.includes("<EOF>");
  const beginsLine = /(?:^|[\r\n])[ \t]*$/.test(
    text.slice(Math.max(0, token.start - 80), token.start),
  );
  if (isNext && beginsLine && token.kind === "word" && STARTERS.has(token.value))
    return "A semicolon is missing before it: statements are separated by ;.";
  if (
    isOp(token, ",") &&
    previous?.kind === "integer" &&
    /\blimit\s+\d+\s*$/i.test(text.slice(Math.max(0, token.start - 40), token.start))
  )
    return "Write LIMIT count OFFSET start.";
  return undefined;
}

/** What is not written. */
function missingOf({ token, expected }: Misfit): string | undefined {
  const ends = token.kind === "eof" || isOp(token, ")", ",", ";");
  if (expected.includes("BIGINT") && token.value === "DATETIME")
    return "Write TIMESTAMP(3) instead of DATETIME.";
  if (expected.includes("BIGINT") && expected.includes("ARRAY") && !expected.includes("CASE"))
    return ends ? "A type is missing here, such as STRING or BIGINT." : undefined;
  if (expected.includes("WHEN") && expected.includes("END")) return "Close CASE with END.";
  if (expected.length === 1 && expected[0] === "(") return "Put it in parentheses.";
  if (expected.length === 1 && /^[A-Z=(]+$/.test(expected[0]!))
    return `Write ${expected[0]} before it.`;
  if (isOp(token, ")") && expected.includes("CASE")) return "An expression is missing before it.";
  if (token.kind === "eof" && expected.includes(")")) return "A closing parenthesis is missing.";
  if (token.kind === "eof" && expected.includes("CASE"))
    return "An expression is missing at the end.";
  return undefined;
}

function clauseOf({ token }: Misfit): string | undefined {
  return token.kind === "word" && CLAUSES.has(token.value) ? CLAUSE_ORDER : undefined;
}

function reservedOf({ text, token, expected }: Misfit): string | undefined {
  if (token.kind !== "word" || !RESERVED_WORDS.has(token.value)) return undefined;
  if (!expected.includes("<IDENTIFIER>")) return undefined;
  if (beginsClause(text, token)) {
    if (expected.includes("CASE")) return `An expression is missing before ${token.value}.`;
    if (expected.length > MANY) return undefined;
  }
  const raw = text.slice(token.start, token.end);
  return `${raw} is a reserved word: put it in backticks to use it as a name.`;
}

/** So many may stand behind a whole expression or table. */
const MANY = 12;

function beginsClause(text: string, { value, end }: Token): boolean {
  if (!CLAUSES.has(value)) return false;
  const needsBy = value === "GROUP" || value === "ORDER";
  return !needsBy || /^\s+by\b/i.test(text.slice(end, end + 80));
}
