/**
 * Kernels that look at 16 bytes at a time, over random texts that lie anywhere and where the memory ends, against
 * JavaScript. Seed: MILLRACE_SEED, printed in every message.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestWorker } from "./test-worker.test.ts";

const SEED = Number(process.env.MILLRACE_SEED ?? 20260101);
const again = `MILLRACE_SEED=${SEED} node --test strings.prop.test.ts`;
const ROUNDS = 4_000;
const PIECES = ["a", "b", "A", "/", "ab", "é", "Z", "界", "😀", "cc/"];
const NULL_OFFSET = 12;

let state = SEED >>> 0;
function next(n: number): number {
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
  return Math.floor((state / 4294967296) * n);
}

function text(most: number, ascii: boolean): string {
  const pieces = ascii ? PIECES.filter((piece) => /^[\x20-\x7e]+$/.test(piece)) : PIECES;
  return Array.from({ length: next(most) }, () => pieces[next(pieces.length)]).join("");
}

const { runtime } = createTestWorker();
const { kernels, memory } = runtime;

/** A view of a copy: the last bytes of the memory, or anywhere in the arena. */
function place(value: string, atEnd: boolean): bigint {
  const bytes = new TextEncoder().encode(value);
  const address = atEnd
    ? memory.buffer.byteLength - bytes.length
    : (kernels.arenaAlloc(bytes.length + 16) >>> 0) + next(16);
  new Uint8Array(memory.buffer).set(bytes, address);
  return (BigInt(bytes.length) << 32n) | BigInt(address);
}

function read(view: bigint): string | null {
  const status = new Uint32Array(memory.buffer, kernels.codegenStatus() + NULL_OFFSET, 1);
  if (status[0] !== 0) {
    status[0] = 0;
    return null;
  }
  const unsigned = BigInt.asUintN(64, view);
  const address = Number(unsigned & 0xffffffffn);
  return new TextDecoder().decode(new Uint8Array(memory.buffer, address, Number(unsigned >> 32n)));
}

test("searching, splitting, replacing, lengths and case are those of JavaScript", () => {
  for (let round = 0; round < ROUNDS; round++) {
    const mark = kernels.arenaMark();
    const ascii = next(2) === 0;
    const [value, sought, other] = [text(40, ascii), text(4, ascii), text(4, ascii)];
    const atEnd = next(3) === 0;
    // All arena memory that the calls need is there before the end of the memory is written.
    kernels.arenaAlloc(65536);
    kernels.arenaRelease(mark);
    const view = place(value, atEnd);
    const what = place(sought, false);
    const message = `${JSON.stringify([value, sought, other, atEnd])} ${again}`;
    const at = value.indexOf(sought);
    const position = at < 0 ? 0 : [...value.slice(0, at)].length + 1;
    assert.equal(kernels.position(what, view), position, message);
    assert.equal(kernels.charLength(view), [...value].length, message);
    assert.equal(read(kernels.lower(view)), value.toLowerCase(), message);
    assert.equal(read(kernels.upper(view)), value.toUpperCase(), message);
    if (sought !== "") {
      const replaced = read(kernels.replace(view, what, place(other, false)));
      assert.equal(
        replaced,
        value.replaceAll(sought, () => other),
        message,
      );
    }
    const separator = sought === "" ? "/" : next(2) === 0 ? "/" : sought;
    const index = next(6);
    const part = value === "" ? null : (value.split(separator)[index] ?? null);
    assert.equal(read(kernels.splitIndex(view, place(separator, false), index)), part, message);
    kernels.arenaRelease(mark);
  }
});
