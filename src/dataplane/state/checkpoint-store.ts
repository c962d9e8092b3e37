/**
 * CheckpointStore: the folder of a job's checkpoints: manifests, and who still needs which segment.
 *
 * Layout:  <directory>/chk-<id>/_metadata           manifest, written last, whole or not at all
 *          <directory>/shared/<id>-….seg            segments of all checkpoints; a checkpoint
 *                                                   refers to its own and older ones
 *          <anywhere>/savepoint-<id>-<time>/        _metadata and its own segments: may be moved
 *                                                   and copied as a folder
 * Manifest: {"magic":"millrace-checkpoint","version":1,"checksum":"…","manifest":{…}}\n, exactly as
 *           JSON.stringify writes it;
 *          the checksum is the first 16 hex digits of the SHA-256 of the inner text. Paths in it
 *          are relative to it.
 * Garbage: a segment is removed when no manifest of the folder names it and its id is not above the
 *          last completed one (so that what is being written stays). While one manifest cannot be
 *          read, nothing is removed: it may name anything.
 * Errors:  MR4201 write, MR4210 read, MR4212 newer, MR4213 damaged, MR4214 not there, MR4217 a
 *          segment is gone.
 */
import { createHash } from "../../foundation/host/lazy-crypto.ts";
import type { Files } from "../../foundation/host/env.ts";
import { MillraceError } from "../../foundation/base/errors.ts";
import { snapshotErrors, writeError } from "./errors.ts";
import { asStateHandle, type SegmentRef, type StateHandle } from "./state-handle.ts";
import { savepointFolder, sharedFolder } from "./snapshot-folders.ts";

export const MANIFEST_VERSION = 1;
const MAGIC = "millrace-checkpoint";
const METADATA = "_metadata";

/** What the store has to know of a manifest; the runtime's CheckpointMetadata has more. */
export interface Manifest {
  readonly checkpointId: number;
  readonly kind: "checkpoint" | "savepoint";
  readonly triggeredMs: number;
  /** State handles; null where a subtask has no state. */
  readonly states: readonly unknown[];
}

export interface StoredManifest {
  /** The folder: what load and discard are given. */
  readonly path: string;
  /** Of the manifest and all segments that it names. */
  readonly sizeBytes: number;
}

export class CheckpointStore<M extends Manifest = Manifest> {
  readonly #files: Files;
  readonly #directory: string;
  /** Segment files by checkpoint folder; read once, then kept up to date. */
  #named: Map<string, ReadonlySet<string>> | undefined;
  #unreadable = false;
  /** Manifests whose writing failed: nobody knows whether they are there. */
  readonly #doubtful = new Set<string>();

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /**
   * Resolves when the checkpoint would survive a crash. `directory`: the parent of a savepoint's
   * folder.
   */
  async store(manifest: M, directory: string | undefined): Promise<StoredManifest> {
    const { checkpointId, kind, triggeredMs } = manifest;
    if (this.#directory === "" && (kind === "checkpoint" || directory === undefined))
      throw snapshotErrors.NO_DIRECTORY({ name: `checkpoint ${checkpointId}` });
    const folder =
      kind === "savepoint"
        ? savepointFolder(directory ?? this.#directory, checkpointId, triggeredMs)
        : `${this.#directory}/chk-${checkpointId}`;
    const segments = segmentsOf(manifest);
    await this.#checkSegments(segments);
    const bytes = encodeManifest(mapSegments(manifest, (file) => relative(folder, file)));
    const path = `${folder}/${METADATA}`;
    const named = await this.#load();
    try {
      await this.#files.mkdirs(folder);
      await this.#files.writeAtomic(path, bytes);
    } catch (error) {
      this.#doubtful.add(path);
      throw writeError(path, error);
    }
    if (kind === "checkpoint") {
      named.set(folder, filesOf(segments));
      // The checkpoint is complete: what cannot be cleared away now is with the next one.
      await this.#collect(checkpointId).catch(ignoreFileError);
    }
    const stateBytes = [...segments.values()].reduce((sum, ref) => sum + ref.lengthBytes, 0);
    return { path: folder, sizeBytes: bytes.length + stateBytes };
  }

  /** The manifest in a folder (or at a path that ends in _metadata), paths absolute. */
  async load(path: string): Promise<M> {
    return await loadManifest<M>(this.#files, path);
  }

  /** See CheckpointStorage: after a store that failed, before the job starts again. */
  async settle(): Promise<void> {
    for (const path of this.#doubtful) {
      await this.#remove(path);
      this.#doubtful.delete(path);
    }
  }

  /**
   * Removes a checkpoint or savepoint, and the segments that nothing else names. What cannot be removed is left to the
   * next checkpoint.
   */
  async discard(path: string): Promise<void> {
    const named = await this.#load();
    const files = named.get(path);
    named.delete(path);
    await this.#removeAll(path, this.#unreadable ? [] : (files ?? []), named).catch(
      ignoreFileError,
    );
  }

  async #removeAll(
    path: string,
    files: Iterable<string>,
    named: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<void> {
    // Without its manifest it is no checkpoint any more, whatever happens next.
    await this.#remove(`${path}/${METADATA}`);
    await this.#remove(path);
    const needed = this.#needed(named);
    for (const file of files) if (!needed.has(file)) await this.#remove(file);
  }

  async #checkSegments(segments: ReadonlyMap<string, SegmentRef>): Promise<void> {
    for (const [file, { lengthBytes }] of segments) {
      const stat = await this.#files.stat(file);
      if (stat?.sizeBytes !== lengthBytes) throw snapshotErrors.SEGMENT_GONE({ file });
    }
  }

  /** What the manifests of the folder name. */
  async #load(): Promise<Map<string, ReadonlySet<string>>> {
    if (this.#named !== undefined) return this.#named;
    const named = new Map<string, ReadonlySet<string>>();
    this.#unreadable = false;
    for (const name of await this.#list(this.#directory)) {
      if (!/^chk-\d+$/.test(name)) continue;
      const folder = `${this.#directory}/${name}`;
      if ((await this.#files.stat(`${folder}/${METADATA}`)) === undefined) continue;
      try {
        named.set(folder, filesOf(segmentsOf(await this.load(folder))));
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        this.#unreadable = true;
      }
    }
    this.#named = named;
    return named;
  }

  /**
   * Removes segments and folders of checkpoints that never completed, up to the last completed id.
   */
  async #collect(completedId: number): Promise<void> {
    const named = this.#named!;
    if (this.#unreadable) return;
    const needed = this.#needed(named);
    const shared = sharedFolder(this.#directory);
    for (const name of await this.#list(shared)) {
      const file = `${shared}/${name}`;
      const id = Number(/^(\d+)-.*\.seg$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
      if (id <= completedId && !needed.has(file)) await this.#remove(file);
    }
    for (const name of await this.#list(this.#directory)) {
      const id = Number(/^chk-(\d+)$/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
      const folder = `${this.#directory}/${name}`;
      if (id < completedId && !named.has(folder)) await this.#remove(folder);
    }
  }

  #needed(named: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
    return new Set([...named.values()].flatMap((files) => [...files]));
  }

  async #list(folder: string): Promise<readonly string[]> {
    try {
      return (await this.#files.stat(folder)) === undefined ? [] : await this.#files.list(folder);
    } catch (error) {
      throw writeError(folder, error);
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#files.remove(path);
    } catch (error) {
      throw writeError(path, error);
    }
  }
}

function ignoreFileError(error: unknown): void {
  if (!(error instanceof MillraceError)) throw error;
}

/** Reads and checks the manifest of a checkpoint or savepoint; paths in it become absolute. */
export async function loadManifest<M extends Manifest>(files: Files, path: string): Promise<M> {
  const folder = path.endsWith(`/${METADATA}`) ? path.slice(0, -METADATA.length - 1) : path;
  const file = `${folder}/${METADATA}`;
  let bytes: Uint8Array | undefined;
  try {
    bytes = (await files.stat(file)) === undefined ? undefined : await files.readAll(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw snapshotErrors.FILE_MISSING({ file, reason }, { cause: error });
  }
  if (bytes === undefined) throw snapshotErrors.MANIFEST_MISSING({ path });
  const manifest = readManifest(bytes, file) as M;
  return mapSegments(manifest, (relativePath) => resolve(folder, relativePath));
}

/** Writes the manifest of a folder that stands for itself; `place` says where each file has come to. Returns its bytes. */
export async function writeManifest(
  files: Files,
  folder: string,
  manifest: Manifest,
  place: (file: string) => string,
): Promise<number> {
  const path = `${folder}/${METADATA}`;
  const bytes = encodeManifest(mapSegments(manifest, (file) => relative(folder, place(file))));
  try {
    await files.writeAtomic(path, bytes);
  } catch (error) {
    throw writeError(path, error);
  }
  return bytes.length;
}

function encodeManifest(manifest: unknown): Uint8Array {
  const inner = JSON.stringify(manifest);
  const checksum = createHash("sha256").update(inner).digest("hex").slice(0, 16);
  const head = `{"magic":"${MAGIC}","version":${MANIFEST_VERSION},"checksum":"${checksum}"`;
  return new TextEncoder().encode(`${head},"manifest":${inner}}\n`);
}

/** A manifest out of its bytes, checked; paths as they are written. */
export function readManifest(bytes: Uint8Array, file: string): unknown {
  const invalid = (reason: string) => snapshotErrors.MANIFEST_INVALID({ file, reason });
  let outer: { magic?: unknown; version?: unknown; manifest?: unknown } | null;
  try {
    outer = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid("it is not JSON, or was cut");
  }
  if (typeof outer !== "object" || outer?.magic !== MAGIC) throw invalid("it is some other file");
  const { version, manifest } = outer;
  if (typeof version !== "number") throw invalid("it has no version");
  if (version > MANIFEST_VERSION)
    throw snapshotErrors.VERSION_NEWER({ file, found: version, known: MANIFEST_VERSION });
  if (typeof manifest !== "object" || manifest === null) throw invalid("it holds no manifest");
  // Written again, it must be the same bytes: so the checksum covers them all.
  if (Buffer.compare(encodeManifest(manifest), bytes) !== 0) throw invalid("its checksum is wrong");
  const { states } = manifest as Partial<Manifest>;
  if (!Array.isArray(states)) throw invalid("it lists no states");
  return manifest;
}

/** Segment files of a manifest, by path. */
function segmentsOf(manifest: Manifest): ReadonlyMap<string, SegmentRef> {
  const segments = new Map<string, SegmentRef>();
  for (const handle of handlesOf(manifest.states))
    for (const ref of handle.segments) if (ref.file !== undefined) segments.set(ref.file, ref);
  return segments;
}

/** The handles among a manifest's states. */
export function handlesOf(states: readonly unknown[]): readonly StateHandle[] {
  return states.filter((state) => state !== null && state !== undefined).map(asStateHandle);
}

function filesOf(segments: ReadonlyMap<string, SegmentRef>): ReadonlySet<string> {
  return new Set(segments.keys());
}

function mapSegments<M extends Manifest>(manifest: M, change: (file: string) => string): M {
  const mapped = (ref: SegmentRef) =>
    ref.file === undefined ? ref : { ...ref, file: change(ref.file) };
  const states = manifest.states.map((state) => {
    if (state === null || state === undefined) return null;
    const handle = asStateHandle(state);
    return { ...handle, segments: handle.segments.map(mapped) };
  });
  return { ...manifest, states };
}

/** `file` as seen from `folder`, where both lie below one parent; otherwise as it is. */
function relative(folder: string, file: string): string {
  if (file.startsWith(`${folder}/`)) return file.slice(folder.length + 1);
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  return file.startsWith(`${parent}/`) ? `../${file.slice(parent.length + 1)}` : file;
}

function resolve(folder: string, file: string): string {
  if (file.startsWith("/") || /^[A-Za-z]:[\\/]/.test(file)) return file;
  if (!file.startsWith("../")) return `${folder}/${file}`;
  return `${folder.slice(0, folder.lastIndexOf("/"))}/${file.slice(3)}`;
}
