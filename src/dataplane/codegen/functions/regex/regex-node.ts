/** The syntax tree of a regular expression. */

/** Code points [from, to], sorted and apart. */
export type Ranges = readonly (readonly [number, number])[];

export type RegexNode =
  | { readonly kind: "char"; readonly codePoint: number }
  | { readonly kind: "class"; readonly ranges: Ranges }
  | { readonly kind: "sequence"; readonly parts: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly parts: readonly RegexNode[] }
  | {
      readonly kind: "repeat";
      readonly part: RegexNode;
      readonly min: number;
      /** Infinity: no end. */
      readonly max: number;
      readonly mode: "greedy" | "lazy" | "possessive";
    }
  | { readonly kind: "group"; readonly part: RegexNode; readonly index: number }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "backreference"; readonly index: number }
  | {
      readonly kind: "look";
      readonly part: RegexNode;
      readonly negative: boolean;
      readonly behind: boolean;
    }
  | { readonly kind: "atomic"; readonly part: RegexNode };

/** Numbers of kernels/regex.as.ts. */
export const ASSERTIONS = {
  textStart: 0,
  textEnd: 1,
  textEndOrNewline: 2,
  lineStart: 3,
  lineEnd: 4,
  wordBoundary: 5,
  noWordBoundary: 6,
} as const;
export type Assertion = keyof typeof ASSERTIONS;

const LAST = 0x10ffff;

/** Sorted, merged. */
export function normalize(ranges: Ranges): Ranges {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function negate(ranges: Ranges): Ranges {
  const out: [number, number][] = [];
  let next = 0;
  for (const [from, to] of normalize(ranges)) {
    if (from > next) out.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

export function intersect(a: Ranges, b: Ranges): Ranges {
  return negate([...negate(a), ...negate(b)]);
}
