/**
 * Node's hashes and random bytes, loaded at their first use: loading `node:crypto` costs every
 * thread about 6 ms of CPU, and most jobs' workers never need it.
 */
import type { Hash } from "node:crypto";

export function createHash(algorithm: string): Hash {
  return process.getBuiltinModule("node:crypto").createHash(algorithm);
}

export function randomBytes(count: number): Buffer {
  return process.getBuiltinModule("node:crypto").randomBytes(count);
}
