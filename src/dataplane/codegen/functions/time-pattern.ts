/**
 * DateTimeFormatter patterns (DATE_FORMAT, TO_TIMESTAMP, FROM_UNIXTIME …) compiled to a kernel's program: pairs of bytes,
 * operation and argument, as kernels/time.as.ts lists them.
 *
 * Source: java.time.format.DateTimeFormatter; letters that depend on a locale or a zone are refused.
 */
import { codegenErrors } from "../errors.ts";

type Operation = (width: number) => readonly [number, number] | undefined;

const numeric =
  (operation: number): Operation =>
  (width) => [operation, width];

const OPERATIONS: Readonly<Record<string, Operation>> = {
  y: (width) => (width === 2 ? [15, 2] : [1, width]),
  u: (width) => (width === 2 ? [15, 2] : [1, width]),
  M: monthOrName,
  L: monthOrName,
  d: numeric(3),
  H: numeric(4),
  m: numeric(5),
  s: numeric(6),
  S: (width) => (width <= 9 ? [7, width] : undefined),
  h: numeric(8),
  a: () => [9, 1],
  E: (width) => [11, width <= 3 ? 1 : 2],
  D: numeric(12),
  k: numeric(13),
  K: numeric(14),
  e: (width) => (width <= 2 ? [16, width] : undefined),
  Q: (width) => (width <= 2 ? [17, width] : undefined),
  q: (width) => (width <= 2 ? [17, width] : undefined),
};

function monthOrName(width: number): readonly [number, number] | undefined {
  if (width <= 2) return [2, width];
  return width === 3 ? [10, 1] : width === 4 ? [10, 2] : undefined;
}

const LITERAL = 0;

/** The program of a pattern. */
export function compileTimePattern(pattern: string, functionName: string): Uint8Array {
  const program: number[] = [];
  const literal = (text: string) => {
    for (const byte of new TextEncoder().encode(text)) program.push(LITERAL, byte);
  };
  for (let i = 0; i < pattern.length; ) {
    const char = pattern[i]!;
    if (char === "'") {
      const { text, next } = quoted(pattern, i, functionName);
      literal(text);
      i = next;
    } else if (/[A-Za-z]/.test(char)) {
      let end = i + 1;
      while (pattern[end] === char) end++;
      const operation = OPERATIONS[char]?.(end - i);
      if (operation === undefined) throw invalid(pattern, functionName);
      program.push(...operation);
      i = end;
    } else {
      const whole = String.fromCodePoint(pattern.codePointAt(i)!);
      literal(whole);
      i += whole.length;
    }
  }
  return Uint8Array.from(program);
}

/** Text between quotes; two quotes stand for one. */
function quoted(pattern: string, start: number, functionName: string) {
  if (pattern[start + 1] === "'") return { text: "'", next: start + 2 };
  let text = "";
  for (let i = start + 1; i < pattern.length; i++) {
    if (pattern[i] !== "'") text += pattern[i];
    else if (pattern[i + 1] === "'") {
      text += "'";
      i++;
    } else return { text, next: i + 1 };
  }
  throw invalid(pattern, functionName);
}

function invalid(pattern: string, functionName: string) {
  return codegenErrors.ARGUMENT_INVALID(
    { function: functionName, reason: "not a time pattern", where: "pattern" },
    { value: pattern },
  );
}
