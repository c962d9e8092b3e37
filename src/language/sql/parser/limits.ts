/**
 * The parser's limits. A text beyond them gets a typed error, never a stack overflow.
 *
 * MAX_NESTING_DEPTH counts parentheses, subqueries, CASE, NOT, signs and inner types within each
 * other; one level costs the parser up to about 20 frames of 100 bytes and more, so that 200 levels
 * stay below half of a 1 MB stack. MAX_TREE_DEPTH bounds the tree that comes out, for those who
 * walk it by recursion: a chain of other operators than AND and OR (a + b + c …), of joins, or of
 * [] and dots adds one level per link. AND, OR, lists and set operations are flat nodes, so their
 * length does not matter.
 */
export const MAX_NESTING_DEPTH = 200;
export const MAX_TREE_DEPTH = 1000;
/** INT ARRAY ARRAY …: collections behind one type. */
export const MAX_POSTFIX_TYPES = 4;
/** Independent errors that parseScript reports before it stops. */
export const MAX_SCRIPT_ERRORS = 20;
/** UTF-16 units of one text. */
export const MAX_TEXT_LENGTH = 64 * 1024 * 1024;
