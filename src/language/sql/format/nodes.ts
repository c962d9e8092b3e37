/** The pieces of a statement as a tree: parentheses, brackets, hints, type arguments and CASE … END hold what is between. */
import type { Piece } from "./pieces.ts";

export interface Bracket {
  readonly open: Piece;
  readonly inner: readonly Node[];
  readonly close: Piece;
}
export type Node = Piece | Bracket;

export const isPiece = (node: Node | undefined): node is Piece =>
  node !== undefined && "token" in node;
export const keywordOf = (node: Node | undefined): string => (isPiece(node) ? node.keyword : "");
export const operatorOf = (node: Node | undefined): string =>
  isPiece(node) && node.token.kind === "operator" ? node.token.value : "";

const CLOSING: Readonly<Record<string, string>> = {
  "(": ")",
  "[": "]",
  "{": "}",
  "/*+": "*/",
  CASE: "END",
};

export function nest(pieces: readonly Piece[]): readonly Node[] {
  const stack: { open: Piece; closing: string; inner: Node[] }[] = [];
  const root: Node[] = [];
  for (const piece of pieces) {
    const inner = stack.at(-1)?.inner ?? root;
    const { token, keyword } = piece;
    const operator = token.kind === "operator" ? token.value : keyword;
    const closing = piece.ofType && operator === "<" ? ">" : CLOSING[operator];
    if (closing !== undefined) stack.push({ open: piece, closing, inner: [] });
    else if (operator !== "" && operator === stack.at(-1)?.closing) {
      const { open, inner: nodes } = stack.pop()!;
      (stack.at(-1)?.inner ?? root).push({ open, inner: nodes, close: piece });
    } else inner.push(piece);
  }
  return root;
}
