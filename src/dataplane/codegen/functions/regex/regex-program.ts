/**
 * Compiles a regular expression's tree to the program that kernels/regex.as.ts runs.
 *
 * Layout:  header 64 bytes: 0 u32 instructions · 4 u32 groups (with group 0) · 8 u32 flags (1 = remembers failed states, so
 *          that matching is linear; 2 = anchored at the start; 4 = sets marks) · 12 u32 offset of classes · 16 first bytes,
 *          256 bits · 48 u32 offset of the text that every match holds (0: none) · 52 u32 its bytes · 56 u32 most bytes of a
 *          match before it (0xffffffff: any number) · 60 reserved. Then instructions of 12 bytes: u32 operation, u32 a, u32 b. Then classes: u32 ranges, 16 bytes of
 *          ASCII bits, then ranges of two u32. Then that text.
 * Look-behind is matched by trying every start within the text before, so it may hold any expression.
 */
import { ASSERTIONS, type Ranges, type RegexNode } from "./regex-node.ts";
import { parseRegex } from "./regex-parser.ts";
import { requiredText } from "./required-text.ts";

const OP = {
  byte: 0,
  class: 1,
  split: 2,
  jump: 3,
  save: 4,
  assert: 5,
  match: 6,
  backreference: 7,
  look: 8,
  atomic: 9,
  /** Leaves a loop whose body matched nothing. */
  progress: 10,
  mark: 11,
} as const;

const HEADER_BYTES = 64;
const INSTRUCTION_BYTES = 12;
const MEMOIZED = 1;
const ANCHORED = 2;
const MARKED = 4;
const ANY_NUMBER = 0xffffffff;
/** Bounded repetition is unrolled; a larger program is refused. */
export const MAX_INSTRUCTIONS = 20_000;

export interface RegexProgram {
  readonly bytes: Uint8Array;
  /** Without group 0. */
  readonly groups: number;
}

export class RegexTooLarge extends Error {}

export function compileRegex(pattern: string, functionName: string): RegexProgram {
  const { root, groups } = parseRegex(pattern, functionName);
  const compiler = new Compiler();
  compiler.emit("save", 0);
  compiler.node(root);
  compiler.emit("save", 1);
  compiler.emit("match");
  return { bytes: compiler.finish(groups, root), groups };
}

class Compiler {
  readonly #code: [number, number, number][] = [];
  readonly #classes: Ranges[] = [];
  #marks = 0;
  #linear = true;

  emit(operation: keyof typeof OP, a = 0, b = 0): number {
    if (this.#code.length >= MAX_INSTRUCTIONS) throw new RegexTooLarge();
    return this.#code.push([OP[operation], a, b]) - 1;
  }

  node(node: RegexNode): void {
    switch (node.kind) {
      case "char":
        for (const byte of utf8(node.codePoint)) this.emit("byte", byte);
        break;
      case "class":
        this.#classes.push(node.ranges);
        this.emit("class", this.#classes.length - 1);
        break;
      case "sequence":
        for (const part of node.parts) this.node(part);
        break;
      case "choice":
        this.#choice(node.parts);
        break;
      case "repeat":
        this.#repeat(node);
        break;
      case "group":
        this.emit("save", node.index * 2);
        this.node(node.part);
        this.emit("save", node.index * 2 + 1);
        break;
      case "assert":
        this.emit("assert", ASSERTIONS[node.what]);
        break;
      case "backreference":
        this.#linear = false;
        this.emit("backreference", node.index);
        break;
      case "look":
        this.#inner("look", (node.negative ? 1 : 0) | (node.behind ? 2 : 0), node.part);
        break;
      case "atomic":
        this.#inner("atomic", 0, node.part);
        break;
    }
  }

  /** A part that is matched on its own: the instruction names where the outer program goes on. */
  #inner(operation: "look" | "atomic", how: number, part: RegexNode): void {
    this.#linear = false;
    const at = this.emit(operation, how);
    this.node(part);
    this.emit("match");
    this.#code[at]![2] = this.#code.length;
  }

  #choice(parts: readonly RegexNode[]): void {
    const ends: number[] = [];
    parts.forEach((part, index) => {
      if (index === parts.length - 1) {
        this.node(part);
        return;
      }
      const split = this.emit("split");
      this.#code[split]![1] = this.#code.length;
      this.node(part);
      ends.push(this.emit("jump"));
      this.#code[split]![2] = this.#code.length;
    });
    for (const end of ends) this.#code[end]![1] = this.#code.length;
  }

  #repeat(node: Extract<RegexNode, { kind: "repeat" }>): void {
    if (node.mode === "possessive") {
      this.#inner("atomic", 0, { ...node, mode: "greedy" });
      return;
    }
    for (let i = 0; i < node.min; i++) this.node(node.part);
    if (node.max === Number.POSITIVE_INFINITY) this.#star(node);
    else this.#optional(node, node.max - node.min);
  }

  #star(node: Extract<RegexNode, { kind: "repeat" }>): void {
    const start = this.emit("split");
    const mayBeEmpty = minimumLength(node.part) === 0;
    const mark = mayBeEmpty ? this.#marks++ : 0;
    this.#branch(start, node.mode === "greedy", () => {
      if (mayBeEmpty) {
        this.#linear = false;
        this.emit("mark", mark);
      }
      this.node(node.part);
      if (mayBeEmpty) this.emit("progress", mark);
      this.emit("jump", start);
    });
  }

  #optional(node: Extract<RegexNode, { kind: "repeat" }>, times: number): void {
    const splits: number[] = [];
    for (let i = 0; i < times; i++) {
      const split = this.emit("split");
      splits.push(split);
      this.#code[split]![node.mode === "greedy" ? 1 : 2] = this.#code.length;
      this.node(node.part);
    }
    for (const split of splits) {
      this.#code[split]![node.mode === "greedy" ? 2 : 1] = this.#code.length;
    }
  }

  #branch(split: number, greedy: boolean, body: () => void): void {
    this.#code[split]![greedy ? 1 : 2] = this.#code.length;
    body();
    this.#code[split]![greedy ? 2 : 1] = this.#code.length;
  }

  finish(groups: number, root: RegexNode): Uint8Array {
    const classOffset = HEADER_BYTES + this.#code.length * INSTRUCTION_BYTES;
    const classes = this.#classes.map(encodeClass);
    const table = classes.length * 4;
    const size = classes.reduce((sum, bytes) => sum + bytes.length, classOffset + table);
    const required = requiredText(root);
    const bytes = new Uint8Array(size + (required?.bytes.length ?? 0));
    const data = new DataView(bytes.buffer);
    data.setUint32(0, this.#code.length, true);
    data.setUint32(4, groups + 1, true);
    const anchored = startsAnchored(root);
    const how = (this.#linear ? MEMOIZED : 0) | (anchored ? ANCHORED : 0);
    data.setUint32(8, how | (this.#marks > 0 ? MARKED : 0), true);
    if (required !== undefined) {
      data.setUint32(48, size, true);
      data.setUint32(52, required.bytes.length, true);
      data.setUint32(56, Math.min(required.before, ANY_NUMBER), true);
      bytes.set(required.bytes, size);
    }
    data.setUint32(12, classOffset, true);
    const starts = firstBytes(root) ?? ALL_BYTES;
    for (let byte = 0; byte < 256; byte++) {
      if (starts.has(byte)) bytes[16 + (byte >> 3)]! |= 1 << (byte & 7);
    }
    this.#code.forEach((instruction, index) => {
      instruction.forEach((word, part) => {
        data.setUint32(HEADER_BYTES + index * INSTRUCTION_BYTES + part * 4, word, true);
      });
    });
    let offset = classOffset + table;
    classes.forEach((encoded, index) => {
      data.setUint32(classOffset + index * 4, offset, true);
      bytes.set(encoded, offset);
      offset += encoded.length;
    });
    return bytes;
  }
}

function encodeClass(ranges: Ranges): Uint8Array {
  const bytes = new Uint8Array(20 + ranges.length * 8);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, ranges.length, true);
  ranges.forEach(([from, to], index) => {
    for (let c = from; c <= Math.min(to, 0x7f); c++) bytes[4 + (c >> 3)]! |= 1 << (c & 7);
    data.setUint32(20 + index * 8, from, true);
    data.setUint32(24 + index * 8, to, true);
  });
  return bytes;
}

function utf8(codePoint: number): Uint8Array {
  return new TextEncoder().encode(String.fromCodePoint(codePoint));
}

/** The bytes with which a match can begin; undefined when it can be empty, or begin with anything. */
function firstBytes(root: RegexNode): ReadonlySet<number> | undefined {
  const { bytes, empty } = first(root);
  return empty ? undefined : bytes;
}

interface First {
  readonly bytes: ReadonlySet<number>;
  /** It may match without taking a byte. */
  readonly empty: boolean;
}

const ALL_BYTES: ReadonlySet<number> = new Set(Array.from({ length: 256 }, (_, byte) => byte));
const NOTHING: First = { bytes: new Set(), empty: true };

function first(node: RegexNode): First {
  switch (node.kind) {
    case "char":
      return { bytes: new Set([utf8(node.codePoint)[0]!]), empty: false };
    case "class":
      return { bytes: classFirstBytes(node.ranges), empty: false };
    case "group":
    case "atomic":
      return first(node.part);
    case "sequence": {
      let bytes: ReadonlySet<number> = new Set();
      for (const part of node.parts) {
        const next = first(part);
        bytes = bytes.union(next.bytes);
        if (!next.empty) return { bytes, empty: false };
      }
      return { bytes, empty: true };
    }
    case "choice":
      return node.parts.map(first).reduce((a, b) => ({
        bytes: a.bytes.union(b.bytes),
        empty: a.empty || b.empty,
      }));
    case "repeat": {
      const part = first(node.part);
      return node.min > 0 ? part : { bytes: part.bytes, empty: true };
    }
    case "backreference":
      return { bytes: ALL_BYTES, empty: true };
    default:
      return NOTHING;
  }
}

function classFirstBytes(ranges: Ranges): Set<number> {
  const bytes = new Set<number>();
  for (const [from, to] of ranges) {
    for (let c = from; c <= Math.min(to, 0x7f); c++) bytes.add(c);
  }
  if (ranges.some(([, to]) => to > 0x7f)) for (let byte = 0x80; byte < 256; byte++) bytes.add(byte);
  return bytes;
}

function startsAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case "assert":
      return node.what === "textStart";
    case "sequence":
      return node.parts[0] !== undefined && startsAnchored(node.parts[0]);
    case "choice":
      return node.parts.every(startsAnchored);
    case "group":
    case "atomic":
      return startsAnchored(node.part);
    default:
      return false;
  }
}

/** Fewest bytes that a node matches; 0 when unknown. */
function minimumLength(node: RegexNode): number {
  switch (node.kind) {
    case "char":
    case "class":
      return 1;
    case "sequence":
      return node.parts.reduce((sum, part) => sum + minimumLength(part), 0);
    case "choice":
      return Math.min(...node.parts.map(minimumLength));
    case "repeat":
      return node.min * minimumLength(node.part);
    case "group":
    case "atomic":
      return minimumLength(node.part);
    default:
      return 0;
  }
}
