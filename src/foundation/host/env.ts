/**
 * Env: everything that touches the world (clock, timers, randomness, files, network, threads)
 *      behind one interface with
 * two twins: the real one, and a simulated one in which a whole job runs in one thread and a seed
 * replays any schedule.
 *
 * Flow:    under everything in the data plane; the control plane uses it for clock and randomness.
 */

export interface Clock {
  /** Wall clock, epoch milliseconds. */
  nowMs(): number;
  /** Monotonic, for durations; milliseconds with fractions. */
  monotonicMs(): number;
}

export interface Timers {
  /** Calls back once after at least `delayMs`; returns a function that cancels (idempotent). */
  after(delayMs: number, callback: () => void): () => void;
  /** Lets other work (I/O completions, messages) run, then calls back. */
  yield(callback: () => void): void;
}

export interface Random {
  /** Uniform unsigned 32-bit integer. */
  u32(): number;
  /** `count` bytes as lower-case hex. */
  hex(count: number): string;
}

export interface FileStat {
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface ReadableFile {
  /** Reads up to `target.length` bytes at `position`; returns bytes read, 0 at the end. */
  read(target: Uint8Array, position: number): Promise<number>;
  readSync(target: Uint8Array, position: number): number;
  close(): Promise<void>;
}

export interface WritableFile {
  /** Appends all of `bytes`. */
  append(bytes: Uint8Array): Promise<void>;
  /** Makes everything appended so far survive a crash. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file of one process: it goes with it, closed or not. Synchronous, for what cannot wait. */
export interface ScratchFile {
  /** Reads up to `target.length` bytes at `position`; returns bytes read, 0 at the end. */
  readSync(target: Uint8Array, position: number): number;
  /** Writes all of `bytes` at `position`. */
  writeSync(bytes: Uint8Array, position: number): void;
  close(): void;
}

/**
 * Paths are plain strings with `/`; errors are MR3xxx / MR4xxx catalogue errors of the caller with
 * Node's as cause.
 */
export interface Files {
  stat(path: string): Promise<FileStat | undefined>;
  /** Names within a folder, sorted. */
  list(path: string): Promise<readonly string[]>;
  open(path: string): Promise<ReadableFile>;
  create(path: string, options?: { readonly append?: boolean }): Promise<WritableFile>;
  readAll(path: string): Promise<Uint8Array>;
  /** Writes a file whole or not at all: temporary name, sync, rename, sync of the folder. */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  /** `ownerOnly`: nobody else may enter the folders that are made; those that exist stay as they are. */
  mkdirs(path: string, options?: { readonly ownerOnly?: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or folder with all it holds; nothing there is not an error. */
  remove(path: string): Promise<void>;
  truncate(path: string, sizeBytes: number): Promise<void>;
}

export interface Env {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly files: Files;
  /** A new file in a local folder, which is made if need be; nobody else sees it. */
  scratch(folder: string): ScratchFile;
  /** Variables of the process, read only. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** CPU time of this process so far, milliseconds. */
  cpuMs(): number;
}
