/**
 * FileEnumerator: the files of a path, as splits.
 *
 * Flow:    job master → discover() → splits → readers. A folder is walked whole; names that begin with `.` or `_` are left
 *          out, as Flink does. A file is read once: what is appended to it later is not seen. Of a PARTITIONED BY table only
 *          folders of partitions are entered, and of those only such as the scan's condition leaves.
 * State:   the paths found so far (continuous reading only).
 * Errors:  MR3002 nothing there (bounded reading), MR3003 no permission, MR3004 the disk.
 */
import type { Files } from "../../../foundation/host/env.ts";
import type { SourceSplit, SplitEnumerator } from "../../contract/source.ts";
import { connectorErrors } from "../errors.ts";
import { onFile } from "./file-errors.ts";
import { cutFile, type FileCuts, wholeFile } from "./file-split.ts";
import type { FilesystemOptions } from "./filesystem-options.ts";
import { folderText, type PartitionLayout } from "./partition-layout.ts";
import { parsePathPattern } from "./path-pattern.ts";

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** The partitions that a scan reads. */
export interface PartitionScan {
  readonly layout: PartitionLayout;
  keeps(texts: readonly (string | null)[]): boolean;
}

export class FileEnumerator implements SplitEnumerator {
  readonly discoverMs: number;
  readonly #files: Files;
  readonly #options: FilesystemOptions;
  readonly #cuts: FileCuts;
  readonly #partitions: PartitionScan | undefined;
  #seen = new Set<string>();

  constructor(
    files: Files,
    options: FilesystemOptions,
    cuts: FileCuts,
    partitions?: PartitionScan,
  ) {
    this.#files = files;
    this.#partitions = partitions;
    this.#options = options;
    this.#cuts = cuts;
    this.discoverMs = options.monitorIntervalMs;
  }

  async discover(): Promise<readonly SourceSplit[]> {
    const found = (await this.#find()).filter(({ path }) => !this.#seen.has(path));
    if (this.#options.replay !== undefined) {
      const [first, ...rest] = found.map(({ path }) => path);
      return first === undefined ? [] : [wholeFile(first, rest)];
    }
    if (this.discoverMs > 0) for (const { path } of found) this.#seen.add(path);
    return found.flatMap(({ path, sizeBytes }) => cutFile(path, sizeBytes, this.#cuts));
  }

  snapshot(): unknown {
    return { seen: [...this.#seen] };
  }

  restore(state: unknown): void {
    this.#seen = new Set((state as { readonly seen: readonly string[] }).seen);
  }

  async close(): Promise<void> {}

  /** Sorted by path. */
  async #find(): Promise<FoundFile[]> {
    const { path, regex } = this.#options;
    // A file may be called as a pattern looks.
    const literal = (await onFile("read", path, () => this.#files.stat(path))) !== undefined;
    const pattern = literal ? undefined : parsePathPattern(path);
    const out: FoundFile[] = [];
    const exists =
      this.#partitions === undefined
        ? await this.#walk(pattern?.root ?? path, out)
        : await this.#enter(path, out, [], this.#partitions);
    const continuous = this.discoverMs > 0;
    if (!exists && !continuous) throw connectorErrors.PATH_MISSING({ path: pattern?.root ?? path });
    const found = out
      .filter((file) => pattern === undefined || pattern.matches(file.path))
      .filter((file) => regex === undefined || regex.test(file.path))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    if (found.length === 0 && pattern !== undefined && !continuous)
      throw connectorErrors.PATH_MISSING({ path });
    return found;
  }

  /** The files of the partitions below a folder, whose own and outer names gave `texts`. */
  async #enter(
    path: string,
    out: FoundFile[],
    texts: readonly (string | null)[],
    scan: PartitionScan,
  ): Promise<boolean> {
    const { keys } = scan.layout;
    if (texts.length === keys.length) return scan.keeps(texts) ? await this.#walk(path, out) : true;
    const stat = await onFile("read", path, () => this.#files.stat(path));
    if (stat?.isDirectory !== true) return stat !== undefined;
    const folder = path.endsWith("/") ? path : `${path}/`;
    for (const name of await onFile("list", path, () => this.#files.list(path))) {
      const text = folderText(scan.layout, texts.length, name);
      if (text !== undefined) await this.#enter(folder + name, out, [...texts, text], scan);
    }
    return true;
  }

  async #walk(path: string, out: FoundFile[]): Promise<boolean> {
    const stat = await onFile("read", path, () => this.#files.stat(path));
    if (stat === undefined) return false;
    if (!stat.isDirectory) {
      out.push({ path, sizeBytes: stat.sizeBytes });
      return true;
    }
    const names = await onFile("list", path, () => this.#files.list(path));
    const folder = path === "." ? "" : path.endsWith("/") ? path : `${path}/`;
    for (const name of names)
      if (!name.startsWith(".") && !name.startsWith("_")) await this.#walk(folder + name, out);
    return true;
  }
}
