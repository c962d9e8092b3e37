/**
 * The parser's limits. A text beyond them gets a typed error, never a stack overflow.
 *
 * MAX_NESTING_DEPTH counts parentheses, subqueries, CASE, NOT, signs and inner types within each other; one level costs
 * the parser up to about 20 frames of 100 bytes and more, so that 200 levels stay below half of a 1 MB stack.
 * MAX_CHAIN_DEPTH counts the operators of one left-deep chain (a + b + c …) and the joins of one FROM. AND, OR, lists
 * and set operations are not limited by depth, because their nodes are flat.
 */
export const MAX_NESTING_DEPTH = 200;
export const MAX_CHAIN_DEPTH = 1000;
/** Independent errors that parseScript reports before it stops. */
export const MAX_SCRIPT_ERRORS = 20;
/** UTF-16 units of one text. */
export const MAX_TEXT_LENGTH = 64 * 1024 * 1024;
