/**
 * SimulatedWorld: the simulated twin of Env. Time is virtual, randomness is seeded, files live in memory, and everything
 * that is ready runs in an order drawn from the seed: one seed replays one schedule.
 *
 * Flow:    test → world.boot() → Env of one process → a whole job in this thread; world.run()
 *          drives it.
 * Time:    stands still while anything is ready, then jumps to the next timer.
 * Crash:   every process booted so far is dead: its timers are gone, its file operations never
 *          return; the disk keeps what simulated-disk.ts says. boot() then starts the next one.
 * Kill:    the same, but the disk keeps everything: the machine lives on.
 * Faults:  file operations fail (EIO), are slow, or find the disk full, at the rates given or as onOperation says; the
 *          wall clock jumps. None by default.
 * Errors:  run() rejects when nothing is ready, no timer is set and the work is not done (a
 *          deadlock), or after MAX_STEPS steps.
 */
import { baseErrors } from "../base/errors.ts";
import type {
  Env,
  Files,
  FileStat,
  ReadableFile,
  ScratchFile,
  Timers,
  WritableFile,
} from "./env.ts";
import { type Inode, nodeError, SimulatedDisk } from "./simulated-disk.ts";
import { SeededRandom } from "./simulated-random.ts";

const MAX_STEPS = 50_000_000;
/** 2025-01-01T00:00:00Z: any fixed moment will do. */
const EPOCH_MS = 1_735_689_600_000;

/** What onOperation answers for a write that the disk has lost without a word. */
export const TORN_WRITE = "TORN";

export interface SimulatedFaults {
  /** Probability that a file operation fails with EIO. */
  readonly fileErrorRate?: number;
  /** The longest a file operation takes; each draws its own. */
  readonly fileDelayMs?: number;
  /** Bytes that can be written before ENOSPC. */
  readonly diskBytes?: number;
  /**
   * Asked before each file operation: the code that it fails with, or undefined. TORN_WRITE: a write to a scratch file
   * seems to succeed, and half of it is not there.
   */
  readonly onOperation?: (syscall: string, path: string) => string | undefined;
}

interface Process {
  alive: boolean;
}

interface Task {
  readonly process: Process;
  readonly run: () => void;
}

interface Timer extends Task {
  readonly atMs: number;
  readonly order: number;
}

export class SimulatedWorld {
  readonly seed: number;
  readonly disk = new SimulatedDisk();
  /** May be changed at any time. */
  faults: SimulatedFaults;
  readonly #random: SeededRandom;
  #elapsedMs = 0;
  #ready: Task[] = [];
  #timers: Timer[] = [];
  #order = 0;
  #writtenBytes = 0;
  #clockOffsetMs = 0;
  #processes: Process[] = [];
  #booted = 0;

  constructor(seed: number, faults: SimulatedFaults = {}) {
    this.seed = seed;
    this.faults = faults;
    this.#random = new SeededRandom(seed);
  }

  /** Virtual milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  /** The Env of a new process. */
  boot(variables: Readonly<Record<string, string | undefined>> = {}): Env {
    const process: Process = { alive: true };
    this.#processes.push(process);
    return {
      clock: {
        nowMs: () => EPOCH_MS + this.#clockOffsetMs + Math.floor(this.#elapsedMs),
        monotonicMs: () => this.#elapsedMs,
      },
      timers: this.#timersOf(process),
      random: new SeededRandom((this.seed ^ (++this.#booted * 0x85ebca6b)) | 0),
      files: new SimulatedFiles(this, process),
      scratch: (folder) => this.#scratch(folder),
      variables,
      cpuMs: () => this.#elapsedMs,
    };
  }

  /** All processes die, the power is cut. */
  crash(): void {
    this.kill();
    this.disk.crash(this.#random);
  }

  /** All processes die; what they have written stays, synced or not. */
  kill(): void {
    for (const process of this.#processes) process.alive = false;
    this.#processes = [];
    this.#ready = [];
    this.#timers = [];
  }

  /** Sets the wall clock forward or back; the monotonic one does not notice. */
  jumpClock(byMs: number): void {
    this.#clockOffsetMs += byMs;
  }

  /** Drives everything until `work` is settled. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    await this.#drive(() => settled);
    if (!settled)
      throw baseErrors.ASSERTION({ message: `deadlock in simulation, seed ${this.seed}` });
    return await work;
  }

  /** Drives everything for a span of virtual time. */
  async advance(spanMs: number): Promise<void> {
    let over = false;
    this.#schedule({ alive: true }, spanMs, () => {
      over = true;
    });
    await this.#drive(() => over);
  }

  /** Drives everything until the condition holds; false when that cannot happen any more. */
  async runUntil(condition: () => boolean): Promise<boolean> {
    return await this.#drive(condition);
  }

  /** Puts a piece of a process's work among what is ready, after a delay. */
  later(process: Process, delayMs: number, run: () => void): void {
    if (delayMs <= 0) this.#ready.push({ process, run });
    else this.#schedule(process, delayMs, run);
  }

  /** Draws whether and how a file operation misbehaves. */
  drawFault(
    syscall: string,
    path: string,
    writeBytes: number,
  ): { readonly delayMs: number; readonly code: string | undefined } {
    const { fileErrorRate = 0, fileDelayMs = 0, diskBytes, onOperation } = this.faults;
    const delayMs = fileDelayMs === 0 ? 0 : this.#random.below(fileDelayMs * 1000) / 1000;
    const code = onOperation?.(syscall, path);
    if (code !== undefined) return { delayMs, code };
    if (fileErrorRate > 0 && this.#random.chance(fileErrorRate)) return { delayMs, code: "EIO" };
    if (diskBytes !== undefined && writeBytes > 0 && this.#writtenBytes + writeBytes > diskBytes)
      return { delayMs, code: "ENOSPC" };
    this.#writtenBytes += writeBytes;
    return { delayMs, code: undefined };
  }

  /** The same for an operation that the process waits for: its time passes at once. */
  drawSyncFault(syscall: string, path: string, writeBytes: number): string | undefined {
    const { delayMs, code } = this.drawFault(syscall, path, writeBytes);
    this.#elapsedMs += delayMs;
    return code;
  }

  #scratch(folder: string): ScratchFile {
    const path = `${folder}/scratch.tmp`;
    let bytes = new Uint8Array(0);
    const check = (syscall: string, writeBytes: number): string | undefined => {
      const code = this.drawSyncFault(syscall, path, writeBytes);
      if (code !== undefined && code !== TORN_WRITE) throw nodeError(code, syscall, path);
      return code;
    };
    check("open", 0);
    return {
      readSync: (target, position) => {
        check("read", 0);
        const found = bytes.subarray(position, position + target.length);
        target.set(found);
        return found.length;
      },
      writeSync: (source, position) => {
        const torn = check("write", source.length) === TORN_WRITE;
        const end = position + source.length;
        if (end > bytes.length) {
          const grown = new Uint8Array(Math.max(end, bytes.length * 2));
          grown.set(bytes);
          bytes = grown;
        }
        bytes.set(torn ? source.subarray(0, source.length >> 1) : source, position);
      },
      close: () => {},
    };
  }

  #timersOf(process: Process): Timers {
    return {
      after: (delayMs, callback) => this.#schedule(process, Math.max(0, delayMs), callback),
      yield: (callback) => {
        if (process.alive) this.#ready.push({ process, run: callback });
      },
    };
  }

  #schedule(process: Process, delayMs: number, run: () => void): () => void {
    if (!process.alive) return () => {};
    const timer: Timer = { process, run, atMs: this.#elapsedMs + delayMs, order: this.#order++ };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  async #drive(isDone: () => boolean): Promise<boolean> {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      // Promise reactions of the last step run first: setImmediate comes after all microtasks.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (isDone()) return true;
      const task = this.#next();
      if (task === undefined) return false;
      if (task.process.alive) task.run();
    }
    throw baseErrors.ASSERTION({ message: `simulation too long, seed ${this.seed}` });
  }

  /** Something ready, drawn at random; otherwise the next timer, to whose time the clock jumps. */
  #next(): Task | undefined {
    if (this.#ready.length > 0) {
      const index = this.#random.below(this.#ready.length);
      return this.#ready.splice(index, 1)[0];
    }
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order)
      )
        first = timer;
    }
    if (first === undefined) return undefined;
    this.#timers.splice(this.#timers.indexOf(first), 1);
    this.#elapsedMs = Math.max(this.#elapsedMs, first.atMs);
    return first;
  }
}

class SimulatedFiles implements Files {
  readonly #world: SimulatedWorld;
  readonly #process: Process;

  constructor(world: SimulatedWorld, process: Process) {
    this.#world = world;
    this.#process = process;
  }

  get #disk(): SimulatedDisk {
    return this.#world.disk;
  }

  get #nowMs(): number {
    return EPOCH_MS + this.#world.elapsedMs;
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return await this.#operate("stat", path, 0, () => {
      const found = this.#disk.find(path);
      if (found === undefined) return undefined;
      if (found === "folder") return { isDirectory: true, sizeBytes: 0, modifiedMs: 0 };
      const { sizeBytes, modifiedMs } = found;
      return { isDirectory: false, sizeBytes, modifiedMs };
    });
  }

  async list(path: string): Promise<readonly string[]> {
    return await this.#operate("scandir", path, 0, () => this.#disk.list(path));
  }

  async open(path: string): Promise<ReadableFile> {
    const inode = await this.#operate("open", path, 0, () => this.#disk.file(path, "open"));
    const read = (target: Uint8Array, position: number): number => {
      const end = Math.min(inode.sizeBytes, position + target.length);
      if (end <= position) return 0;
      target.set(inode.bytes.subarray(position, end));
      return end - position;
    };
    return {
      read: (target, position) => this.#operate("read", path, 0, () => read(target, position)),
      readSync: (target, position) => {
        const code = this.#world.drawSyncFault("read", path, 0);
        if (code !== undefined) throw nodeError(code, "read", path);
        return read(target, position);
      },
      close: async () => {},
    };
  }

  async create(path: string, options?: { readonly append?: boolean }): Promise<WritableFile> {
    const inode = await this.#operate("open", path, 0, () => {
      const found = this.#disk.find(path);
      if (options?.append === true && found !== undefined) return this.#disk.file(path, "open");
      return this.#disk.create(path, this.#nowMs);
    });
    return this.#writable(path, inode);
  }

  async readAll(path: string): Promise<Uint8Array> {
    return await this.#operate("read", path, 0, () => {
      const inode = this.#disk.file(path, "open");
      return inode.bytes.slice(0, inode.sizeBytes);
    });
  }

  async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    const file = await this.create(temporary);
    try {
      await file.append(bytes);
      await file.sync();
      await this.rename(temporary, path);
    } catch (error) {
      this.#disk.remove(temporary);
      throw error;
    }
  }

  async mkdirs(path: string): Promise<void> {
    await this.#operate("mkdir", path, 0, () => {
      this.#disk.mkdirs(path);
      this.#disk.syncNames();
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate("rename", from, 0, () => this.#disk.rename(from, to));
    await this.#operate("fsync", to, 0, () => this.#disk.syncNames());
  }

  async remove(path: string): Promise<void> {
    await this.#operate("rm", path, 0, () => this.#disk.remove(path));
  }

  async truncate(path: string, sizeBytes: number): Promise<void> {
    await this.#operate("truncate", path, 0, () => {
      this.#disk.truncate(this.#disk.file(path, "truncate"), sizeBytes, this.#nowMs);
    });
  }

  #writable(path: string, inode: Inode): WritableFile {
    return {
      append: async (bytes) => {
        const copy = bytes.slice();
        await this.#operate("write", path, copy.length, () => {
          this.#disk.append(inode, copy, this.#nowMs);
        });
      },
      sync: async () => {
        await this.#operate("fsync", path, 0, () => {
          this.#disk.syncFile(inode);
          this.#disk.syncNames();
        });
      },
      close: async () => {},
    };
  }

  /**
   * One operation of the disk: among what is ready, delayed or failed as drawn. After a crash it
   * never returns.
   */
  #operate<T>(syscall: string, path: string, writeBytes: number, action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#process.alive) return;
      const { delayMs, code } = this.#world.drawFault(syscall, path, writeBytes);
      this.#world.later(this.#process, delayMs, () => {
        if (code !== undefined) {
          reject(nodeError(code, syscall, path));
          return;
        }
        try {
          resolve(action());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
