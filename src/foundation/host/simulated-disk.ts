/**
 * SimulatedDisk: files in memory that behave at a crash as a journaling file system does at a power
 *                cut.
 *
 * Model:   what sync() has not confirmed is volatile. At a crash, every 512-byte sector written
 *          since is kept or lost on its own (a lost one before a kept one reads as zeros), and of
 *          the changes of names not yet synced a random number of the first ones survives, in
 *          order.
 * Errors:  Node's shape: code, path, syscall.
 */
import type { SeededRandom } from "./simulated-random.ts";

const SECTOR_BYTES = 512;

export interface Inode {
  bytes: Uint8Array;
  sizeBytes: number;
  /** What a crash cannot take. */
  durable: Uint8Array;
  modifiedMs: number;
}

type NameChange =
  | { readonly kind: "link"; readonly path: string; readonly inode: Inode | "folder" }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

export class SimulatedDisk {
  #names = new Map<string, Inode | "folder">([["/", "folder"]]);
  #durableNames = new Map<string, Inode | "folder">([["/", "folder"]]);
  #pending: NameChange[] = [];

  find(path: string): Inode | "folder" | undefined {
    return this.#names.get(normalize(path));
  }

  file(path: string, syscall: string): Inode {
    const found = this.find(path);
    if (found === undefined) throw nodeError("ENOENT", syscall, path);
    if (found === "folder") throw nodeError("EISDIR", syscall, path);
    return found;
  }

  list(path: string): string[] {
    const folder = normalize(path);
    const found = this.find(folder);
    if (found === undefined) throw nodeError("ENOENT", "scandir", path);
    if (found !== "folder") throw nodeError("ENOTDIR", "scandir", path);
    const prefix = folder === "/" ? "/" : `${folder}/`;
    const names = [...this.#names.keys()].filter(
      (name) => name !== "/" && name.startsWith(prefix) && !name.slice(prefix.length).includes("/"),
    );
    return names.map((name) => name.slice(prefix.length)).sort(byCodeUnit);
  }

  create(path: string, nowMs: number): Inode {
    const name = normalize(path);
    if (this.find(parentOf(name)) !== "folder") throw nodeError("ENOENT", "open", path);
    const empty = new Uint8Array(0);
    const inode: Inode = { bytes: empty, sizeBytes: 0, durable: empty, modifiedMs: nowMs };
    this.#change({ kind: "link", path: name, inode });
    return inode;
  }

  mkdirs(path: string): void {
    const name = normalize(path);
    const found = this.find(name);
    if (found === "folder") return;
    if (found !== undefined) throw nodeError("EEXIST", "mkdir", path);
    this.mkdirs(parentOf(name));
    this.#change({ kind: "link", path: name, inode: "folder" });
  }

  rename(from: string, to: string): void {
    const source = normalize(from);
    const target = normalize(to);
    const found = this.find(source);
    if (found === undefined || this.find(parentOf(target)) !== "folder")
      throw nodeError("ENOENT", "rename", from);
    if (this.find(target) === "folder" && (found !== "folder" || this.list(target).length > 0))
      throw nodeError("ENOTEMPTY", "rename", from);
    this.#change({ kind: "rename", from: source, to: target });
  }

  remove(path: string): void {
    const name = normalize(path);
    for (const inner of this.#within(this.#names, name).reverse())
      this.#change({ kind: "unlink", path: inner });
  }

  /** Confirms all changes of names so far: a journal is written in order. */
  syncNames(): void {
    for (const change of this.#pending) apply(this.#durableNames, change);
    this.#pending = [];
  }

  syncFile(inode: Inode): void {
    inode.durable = inode.bytes.slice(0, inode.sizeBytes);
  }

  append(inode: Inode, bytes: Uint8Array, nowMs: number): void {
    const needed = inode.sizeBytes + bytes.length;
    if (needed > inode.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * inode.bytes.length));
      grown.set(inode.bytes.subarray(0, inode.sizeBytes));
      inode.bytes = grown;
    }
    inode.bytes.set(bytes, inode.sizeBytes);
    inode.sizeBytes = needed;
    inode.modifiedMs = nowMs;
  }

  truncate(inode: Inode, sizeBytes: number, nowMs: number): void {
    const bytes = new Uint8Array(sizeBytes);
    bytes.set(inode.bytes.subarray(0, Math.min(sizeBytes, inode.sizeBytes)));
    inode.bytes = bytes;
    inode.sizeBytes = sizeBytes;
    inode.modifiedMs = nowMs;
  }

  /** The power is cut. */
  crash(random: SeededRandom): void {
    const survivors = random.below(this.#pending.length + 1);
    for (const change of this.#pending.slice(0, survivors)) apply(this.#durableNames, change);
    this.#pending = [];
    this.#names = new Map(this.#durableNames);
    const inodes = new Set<Inode>();
    for (const inode of this.#names.values()) if (inode !== "folder") inodes.add(inode);
    for (const inode of inodes) tear(inode, random);
  }

  #change(change: NameChange): void {
    apply(this.#names, change);
    this.#pending.push(change);
  }

  #within(names: ReadonlyMap<string, unknown>, path: string): string[] {
    return [...names.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
  }
}

function apply(names: Map<string, Inode | "folder">, change: NameChange): void {
  if (change.kind === "link") names.set(change.path, change.inode);
  else if (change.kind === "unlink") names.delete(change.path);
  else {
    for (const [name, inode] of [...names]) {
      if (name !== change.from && !name.startsWith(`${change.from}/`)) continue;
      names.delete(name);
      names.set(change.to + name.slice(change.from.length), inode);
    }
  }
}

/** Keeps or loses each sector that was written after the last sync. */
function tear(inode: Inode, random: SeededRandom): void {
  const { durable } = inode;
  const written = inode.bytes.subarray(0, inode.sizeBytes);
  const kept: number[] = [];
  const sectors = Math.ceil(Math.max(written.length, durable.length) / SECTOR_BYTES);
  let size = durable.length;
  for (let sector = 0; sector < sectors; sector++) {
    const start = sector * SECTOR_BYTES;
    const end = Math.min(start + SECTOR_BYTES, written.length);
    if (end <= start || equalBytes(written.subarray(start, end), durable.subarray(start, end)))
      continue;
    if (!random.chance(0.5)) continue;
    kept.push(sector);
    size = Math.max(size, end);
  }
  if (written.length < durable.length && random.chance(0.5)) size = written.length;
  const bytes = new Uint8Array(size);
  bytes.set(durable.subarray(0, size));
  for (const sector of kept) {
    const start = sector * SECTOR_BYTES;
    const end = Math.min(start + SECTOR_BYTES, written.length, size);
    if (end > start) bytes.set(written.subarray(start, end), start);
  }
  inode.bytes = bytes;
  inode.sizeBytes = size;
  inode.durable = bytes.slice();
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function nodeError(code: string, syscall: string, path: string): Error {
  const text = { ENOENT: "no such file or directory", ENOSPC: "no space left on device" }[code];
  const message = `${code}: ${text ?? "operation failed"}, ${syscall} '${path}'`;
  return Object.assign(new Error(message), { code, syscall, path });
}

function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
