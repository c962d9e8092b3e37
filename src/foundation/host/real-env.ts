/**
 * The real twin of Env: the process's clocks, Node's timers and its file system.
 *
 * Flow:    under every room that is given an Env; made once per process by the composition root.
 * Files:   errors are Node's own (with `code`, `path`, `syscall`); the caller wraps them as the
 *          cause of its catalogue error. A file is durable after sync(): its bytes, and with the
 *          first sync() of a new file its name too.
 * Limits:  a timer beyond 2^31 - 1 ms is set again until its time has come (Node would fire it at
 *          once).
 */
import { closeSync, mkdirSync, openSync, readSync, statSync, unlinkSync, writeSync } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
} from "node:fs/promises";
import { dirname } from "node:path";
import type {
  Clock,
  Env,
  Files,
  FileStat,
  Random,
  ReadableFile,
  ScratchFile,
  Timers,
  WritableFile,
} from "./env.ts";
import { randomBytes } from "./lazy-crypto.ts";
import { withObjectStores } from "./object-files.ts";

const MAX_TIMER_MS = 2_147_483_647;
/** Random words are drawn in blocks: one call into the system for 256 of them. */
const RANDOM_BLOCK_BYTES = 1024;

/** The Env of this process. */
export function realEnv(): Env {
  return {
    scratch: realScratch,
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    files: withObjectStores(realFiles),
    variables: process.env,
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  };
}

const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const realTimers: Timers = {
  after: (delayMs, callback) => {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, MAX_TIMER_MS);
      handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(handle);
  },
  yield: (callback) => {
    setImmediate(callback);
  },
};

function realRandom(): Random {
  let block = new Uint32Array(0);
  let used = 0;
  return {
    u32: () => {
      if (used === block.length) {
        const bytes = randomBytes(RANDOM_BLOCK_BYTES);
        block = new Uint32Array(RANDOM_BLOCK_BYTES / 4);
        new Uint8Array(block.buffer).set(bytes);
        used = 0;
      }
      return block[used++]!;
    },
    hex: (count) => randomBytes(count).toString("hex"),
  };
}

const realFiles: Files = {
  stat: async (path): Promise<FileStat | undefined> => {
    try {
      const found = await stat(path);
      return {
        isDirectory: found.isDirectory(),
        sizeBytes: found.size,
        modifiedMs: found.mtimeMs,
      };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  },
  list: async (path) => (await readdir(path)).sort(byCodeUnit),
  open: async (path) => new RealReadableFile(await open(path, "r")),
  create: async (path, options) => {
    const append = options?.append === true;
    return new RealWritableFile(await open(path, append ? "a" : "w"), path);
  },
  readAll: async (path) => await readFile(path),
  writeAtomic: async (path, bytes) => {
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    const handle = await open(temporary, "wx");
    try {
      try {
        await writeWhole(handle, bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  },
  mkdirs: async (path, options) => {
    const mode = options?.ownerOnly === true ? 0o700 : 0o777;
    const first = await makeFolders(path, mode);
    if (first !== undefined) await syncFolder(dirname(first));
  },
  rename: async (from, to) => {
    await rename(from, to);
    await syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
  },
  remove: async (path) => {
    await rm(path, { recursive: true, force: true });
  },
  truncate: async (path, sizeBytes) => {
    await truncate(path, sizeBytes);
  },
};

/**
 * The first folder that was made, undefined when all were there. Level by level: Node's recursive mkdir never ends below a folder
 * that answers ENOENT itself, as /proc does.
 */
async function makeFolders(path: string, mode: number): Promise<string | undefined> {
  let refused = await refusal(() => mkdir(path, { mode }));
  if (refused === undefined) return path;
  if (isFolder(path)) return undefined;
  const parent = dirname(path);
  if (refused.code !== "ENOENT" || parent === path) throw refused;
  const first = await makeFolders(parent, mode);
  refused = await refusal(() => mkdir(path, { mode }));
  if (refused === undefined) return first ?? path;
  // Another process was faster.
  if (isFolder(path)) return first;
  throw refused;
}

async function refusal(action: () => Promise<unknown>): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function realScratch(folder: string): ScratchFile {
  makeFoldersSync(folder);
  const path = `${folder}/${randomBytes(8).toString("hex")}.tmp`;
  const file = new RealScratchFile(openSync(path, "wx+", 0o600));
  // Open without a name: when the process ends, however that is, so does the file.
  unlinkSync(path);
  return file;
}

/** As makeFolders(). */
function makeFoldersSync(path: string): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFoldersSync(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!isFolder(path)) throw error;
  }
}

class RealReadableFile implements ReadableFile {
  readonly #handle: FileHandle;
  #closed = false;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(target, 0, target.length, position);
    return bytesRead;
  }

  readSync(target: Uint8Array, position: number): number {
    return readSync(this.#handle.fd, target, 0, target.length, position);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

class RealScratchFile implements ScratchFile {
  readonly #descriptor: number;
  #closed = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  readSync(target: Uint8Array, position: number): number {
    return readSync(this.#descriptor, target, 0, target.length, position);
  }

  writeSync(bytes: Uint8Array, position: number): void {
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      written += writeSync(this.#descriptor, bytes, written, left, position + written);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

class RealWritableFile implements WritableFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  #named = false;
  #closed = false;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await writeWhole(this.#handle, bytes);
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
    if (this.#named) return;
    await syncFolder(dirname(this.#path));
    this.#named = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written);
    written += bytesWritten;
  }
}

/** Makes names within a folder survive a crash. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isNotFound(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
