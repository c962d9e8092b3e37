/** Named character classes of Java's regular expressions. */
import type { Ranges } from "./regex-node.ts";
import { negate, normalize } from "./regex-node.ts";

export const DIGIT: Ranges = [[0x30, 0x39]];
export const WORD: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
export const SPACE: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const HORIZONTAL: Ranges = normalize([
  [0x09, 0x09],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x180e, 0x180e],
  [0x2000, 0x200a],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
]);
const VERTICAL: Ranges = [
  [0x0a, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
];
const LOWER: Ranges = [[0x61, 0x7a]];
const UPPER: Ranges = [[0x41, 0x5a]];
const ALPHA: Ranges = [...UPPER, ...LOWER];

/** Line terminators: what `.` does not match. */
export const LINE_END: Ranges = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
];

/** \d \D \w \W \s \S \h \H \v \V. */
export function escapeClass(letter: string): Ranges | undefined {
  const base = { d: DIGIT, w: WORD, s: SPACE, h: HORIZONTAL, v: VERTICAL }[letter.toLowerCase()];
  if (base === undefined) return undefined;
  return letter === letter.toLowerCase() ? base : negate(base);
}

const POSIX: Readonly<Record<string, Ranges>> = {
  Lower: LOWER,
  Upper: UPPER,
  ASCII: [[0, 0x7f]],
  Alpha: ALPHA,
  Digit: DIGIT,
  Alnum: [...DIGIT, ...ALPHA],
  Punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  Graph: [[0x21, 0x7e]],
  Print: [[0x20, 0x7e]],
  Blank: [
    [0x09, 0x09],
    [0x20, 0x20],
  ],
  Cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  XDigit: [
    [0x30, 0x39],
    [0x41, 0x46],
    [0x61, 0x66],
  ],
  Space: SPACE,
};

const properties = new Map<string, Ranges>();

/** \p{name}: POSIX classes, and Unicode categories and scripts as JavaScript knows them (L, Lu, IsLatin, IsAlphabetic …). */
export function propertyClass(name: string): Ranges | undefined {
  const posix = POSIX[name];
  if (posix !== undefined) return posix;
  const known = properties.get(name);
  if (known !== undefined) return known;
  const plain = name.replace(/^Is/, "");
  for (const expression of [plain, `Script=${plain}`, `General_Category=${plain}`]) {
    const test = unicodeTest(expression);
    if (test === undefined) continue;
    const ranges = collect(test);
    properties.set(name, ranges);
    return ranges;
  }
  return undefined;
}

function unicodeTest(property: string): RegExp | undefined {
  if (!/^[A-Za-z_=]+$/.test(property)) return undefined;
  try {
    return new RegExp(`\\p{${property}}`, "u");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function collect(test: RegExp): Ranges {
  const ranges: [number, number][] = [];
  for (let c = 0; c <= 0x1ffff; c++) {
    if ((c >= 0xd800 && c < 0xe000) || !test.test(String.fromCodePoint(c))) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === c - 1) last[1] = c;
    else ranges.push([c, c]);
  }
  return ranges;
}

/** Both cases of every letter in the ranges. */
export function foldCase(ranges: Ranges, unicode: boolean): Ranges {
  const out: [number, number][] = ranges.map(([from, to]) => [from, to]);
  for (const [from, to] of ranges) {
    const last = Math.min(to, unicode ? 0xffff : 0x7f);
    for (let c = from; c <= last; c++) {
      const char = String.fromCodePoint(c);
      for (const other of [char.toLowerCase(), char.toUpperCase()]) {
        if ([...other].length !== 1 || other === char) continue;
        const code = other.codePointAt(0)!;
        if (unicode || code < 0x80) out.push([code, code]);
      }
    }
  }
  return normalize(out);
}
