/**
 * Errors of the SQL parser: MR20xx. Their messages keep the words that Flink's users know
 * (`Encountered "x" at line 1, column 2.` and `Was expecting one of:`), because tools and people
 * search for them.
 */
import { defineErrors } from "../../foundation/base/errors.ts";

export const parseErrors = defineErrors({
  UNEXPECTED_TOKEN: {
    code: "MR2001",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: 'Encountered "{image}" at line {line}, column {column}.\n{expecting}',
    hint: "{remedy}",
  },
  RESERVED_WORD: {
    code: "MR2002",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message:
      "Incorrect syntax near the keyword '{image}' at line {line}, column {column}.\n{expecting}",
    hint: "{remedy}",
  },
  LEXICAL: {
    code: "MR2003",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "Lexical error at line {line}, column {column}.  Encountered: {what}",
    hint: "{remedy}",
  },
  /** Well-formed by the grammar, but refused by a rule of the parser. */
  NOT_ALLOWED: {
    code: "MR2004",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{reason}",
    hint: "Change the statement as the message says.",
  },
  UNSUPPORTED: {
    code: "MR2005",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{what} is not supported",
    hint: "{remedy}",
  },
  TOO_DEEP: {
    code: "MR2006",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "the statement is nested deeper than {limit} levels",
    hint: "Split the statement, for example with views, or write the nested parts side by side.",
  },
  LITERAL: {
    code: "MR2008",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "{problem}",
    hint: "Correct the literal.",
  },
  TEXT_TOO_LONG: {
    code: "MR2009",
    domain: "user",
    retryable: false,
    httpStatus: 413,
    message: "the text has {length} characters, more than {limit}",
    hint: "Split the script.",
  },
  EMPTY: {
    code: "MR2010",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: 'Encountered "<EOF>" at line {line}, column {column}.\nthe text holds no statement',
    hint: "Write a statement.",
  },
});
