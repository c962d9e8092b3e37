/**
 * ObjectFiles: folders of S3-compatible stores behind the interface of files: s3://bucket/key, s3a:// and oss://.
 *
 * Flow:    real-env → withObjectStores → here for paths with such a scheme; the client is loaded at the first of them.
 * Access:  s3: as every AWS tool: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_PROFILE, roles;
 *          AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL for other stores than Amazon's, asked with the bucket in the path.
 *          oss: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_ENDPOINT, OSS_REGION.
 * Files:   an object appears whole: a writer's bytes when it is synced or closed, in parts of PART_BYTES when it is large. A folder is a
 *          prefix: making one is no request, renaming one copies each of its objects.
 * Limits:  10,000 parts: 78 GiB an object. A request whose connection is silent for 30 s fails, and is sent again as the
 *          client's AWS_MAX_ATTEMPTS says (default 3). No append to an object that is there, no truncate, no synchronous read.
 * Errors:  those of the store, with `code` as Node's file errors have it (ENOENT, EACCES), never with a key.
 * Source:  Amazon S3 API; Alibaba Cloud OSS, compatibility with S3.
 */
import type { S3Client } from "@aws-sdk/client-s3";
import type { Files, FileStat, ReadableFile, WritableFile } from "./env.ts";
import { hostErrors } from "./errors.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

const SCHEME = /^(s3a?|oss):\/\/([^/]+)\/*(.*)$/;
/** Objects up to this size go out in one request. */
const PART_BYTES = 8 << 20;
const DELETE_AT_ONCE = 1_000;
/** Of a body that is cut off. */
const BODY_ATTEMPTS = 3;
/** A store that says nothing for so long fails the request: the client itself would wait for ever. */
const CONNECTIONS = { connectionTimeout: 10_000, socketTimeout: 30_000 };

interface Place {
  readonly store: "s3" | "oss";
  readonly bucket: string;
  /** Without a slash at its ends; empty for the bucket itself. */
  readonly key: string;
  readonly path: string;
}

/**
 * `local` for all paths but those of object stores.
 *
 * @example
 * const files = withObjectStores(realEnv().files);
 * await files.writeAtomic("s3://bucket/folder/name", bytes);
 */
export function withObjectStores(local: Files): Files {
  const objects = new ObjectFiles();
  const of = (path: string): Files => (isObjectPath(path) ? objects : local);
  return {
    stat: (path) => of(path).stat(path),
    list: (path) => of(path).list(path),
    open: (path) => of(path).open(path),
    create: (path, options) => of(path).create(path, options),
    readAll: (path) => of(path).readAll(path),
    writeAtomic: (path, bytes) => of(path).writeAtomic(path, bytes),
    mkdirs: (path, options) => of(path).mkdirs(path, options),
    rename: async (from, to) => {
      if (isObjectPath(from) !== isObjectPath(to))
        throw hostErrors.OBJECT_STORE_LIMIT({
          what: "renaming between a store and a disk",
          path: to,
        });
      await of(from).rename(from, to);
    },
    remove: (path) => of(path).remove(path),
    truncate: (path, sizeBytes) => of(path).truncate(path, sizeBytes),
  };
}

/** Whether a path names an object store. */
export function isObjectPath(path: string): boolean {
  return SCHEME.test(path);
}

class ObjectFiles implements Files {
  #sdk: Promise<Sdk> | undefined;
  readonly #clients = new Map<string, S3Client>();

  async stat(path: string): Promise<FileStat | undefined> {
    const place = placeOf(path);
    const { sdk, client } = await this.#client(place);
    const { bucket: Bucket, key: Key } = place;
    if (Key !== "") {
      try {
        const found = await client.send(new sdk.HeadObjectCommand({ Bucket, Key }));
        return {
          isDirectory: false,
          sizeBytes: found.ContentLength ?? 0,
          modifiedMs: found.LastModified?.getTime() ?? 0,
        };
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw fileError(error, place);
      }
    }
    return await this.#asking(place, async () => {
      const Prefix = folderOf(Key);
      const first = new sdk.ListObjectsV2Command({ Bucket, Prefix });
      const { KeyCount = 0 } = await client.send(first);
      return KeyCount === 0 ? undefined : { isDirectory: true, sizeBytes: 0, modifiedMs: 0 };
    });
  }

  async list(path: string): Promise<readonly string[]> {
    const place = placeOf(path);
    const prefix = folderOf(place.key);
    const names: string[] = [];
    await this.#pages(place, prefix, "/", (keys, folders) => {
      for (const key of keys) if (key !== prefix) names.push(key.slice(prefix.length));
      for (const folder of folders) names.push(folder.slice(prefix.length, -1));
    });
    return names.sort((a, b) => (a < b ? -1 : Number(a > b)));
  }

  async open(path: string): Promise<ReadableFile> {
    const place = placeOf(path);
    const stat = await this.stat(path);
    if (stat === undefined || stat.isDirectory) throw notFound(place);
    const read = async (target: Uint8Array, position: number): Promise<number> => {
      const end = Math.min(position + target.length, stat.sizeBytes);
      if (end <= position) return 0;
      const bytes = await this.#get(place, `bytes=${position}-${end - 1}`);
      target.set(bytes);
      return bytes.length;
    };
    const readSync = (): number => {
      throw hostErrors.OBJECT_STORE_LIMIT({ what: "reading at once", path });
    };
    return { read, readSync, close: async () => {} };
  }

  async create(path: string, options?: { readonly append?: boolean }): Promise<WritableFile> {
    const place = placeOf(path);
    if (options?.append === true && (await this.stat(path)) !== undefined)
      throw hostErrors.OBJECT_STORE_LIMIT({ what: "appending to an object", path });
    const { sdk, client } = await this.#client(place);
    return new ObjectWriter(sdk, client, place);
  }

  async readAll(path: string): Promise<Uint8Array> {
    return await this.#get(placeOf(path), undefined);
  }

  async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.create(path);
    await file.append(bytes);
    await file.close();
  }

  async mkdirs(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    const source = placeOf(from);
    const target = placeOf(to);
    const { sdk, client } = await this.#client(source);
    const keys = await this.#below(source);
    if (keys.length === 0) throw notFound(source);
    await this.#asking(source, async () => {
      for (const key of keys) {
        await client.send(
          new sdk.CopyObjectCommand({
            Bucket: target.bucket,
            Key: target.key + key.slice(source.key.length),
            CopySource: `${source.bucket}/${key.split("/").map(encodeURIComponent).join("/")}`,
          }),
        );
      }
    });
    await this.remove(from);
  }

  async remove(path: string): Promise<void> {
    const place = placeOf(path);
    const { sdk, client } = await this.#client(place);
    const keys = await this.#below(place);
    await this.#asking(place, async () => {
      for (let from = 0; from < keys.length; from += DELETE_AT_ONCE) {
        const Objects = keys.slice(from, from + DELETE_AT_ONCE).map((Key) => ({ Key }));
        const Delete = { Objects, Quiet: true };
        await client.send(new sdk.DeleteObjectsCommand({ Bucket: place.bucket, Delete }));
      }
    });
  }

  async truncate(path: string): Promise<void> {
    throw hostErrors.OBJECT_STORE_LIMIT({ what: "shortening an object", path });
  }

  /** The keys of an object and of all that lies below it. */
  async #below(place: Place): Promise<string[]> {
    const all: string[] = [];
    const folder = folderOf(place.key);
    await this.#pages(place, place.key, undefined, (keys) => {
      all.push(...keys.filter((key) => key === place.key || key.startsWith(folder)));
    });
    return all;
  }

  async #pages(
    place: Place,
    Prefix: string,
    Delimiter: string | undefined,
    page: (keys: readonly string[], folders: readonly string[]) => void,
  ): Promise<void> {
    const { sdk, client } = await this.#client(place);
    await this.#asking(place, async () => {
      let ContinuationToken: string | undefined;
      do {
        const found = await client.send(
          new sdk.ListObjectsV2Command({
            Bucket: place.bucket,
            Prefix,
            ...(Delimiter === undefined ? {} : { Delimiter }),
            ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
          }),
        );
        page(
          (found.Contents ?? []).map(({ Key }) => Key ?? ""),
          (found.CommonPrefixes ?? []).map((common) => common.Prefix ?? ""),
        );
        ContinuationToken = found.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    });
  }

  async #get(place: Place, Range: string | undefined): Promise<Uint8Array> {
    const { sdk, client } = await this.#client(place);
    return await this.#asking(place, async () => {
      const request = { Bucket: place.bucket, Key: place.key };
      const command = new sdk.GetObjectCommand(
        Range === undefined ? request : { ...request, Range },
      );
      for (let attempt = 1; ; attempt++) {
        const { Body } = await client.send(command);
        try {
          return (await Body?.transformToByteArray()) ?? new Uint8Array(0);
        } catch (error) {
          // The client asks again for what is refused, not for a body that ends too early.
          if (attempt === BODY_ATTEMPTS) throw error;
        }
      }
    });
  }

  async #client({ store }: Place): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    this.#sdk ??= import("@aws-sdk/client-s3");
    const sdk = await this.#sdk;
    let client = this.#clients.get(store);
    if (client === undefined) {
      client = new sdk.S3Client({
        ...(store === "oss" ? ossConfig() : s3Config()),
        requestHandler: CONNECTIONS,
      });
      this.#clients.set(store, client);
    }
    return { sdk, client };
  }

  async #asking<T>(place: Place, request: () => Promise<T>): Promise<T> {
    return await asking(place, request);
  }
}

/** Collects parts; nothing can be seen of the object before sync() or close(). */
class ObjectWriter implements WritableFile {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #place: Place;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #upload: string | undefined;
  readonly #parts: { readonly ETag: string; readonly PartNumber: number }[] = [];
  #complete = false;

  constructor(sdk: Sdk, client: S3Client, place: Place) {
    this.#sdk = sdk;
    this.#client = client;
    this.#place = place;
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#complete)
      throw hostErrors.OBJECT_STORE_LIMIT({
        what: "appending to an object",
        path: this.#place.path,
      });
    // slice() of a Buffer would be the caller's own bytes.
    this.#waiting.push(new Uint8Array(bytes));
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= PART_BYTES) await asking(this.#place, () => this.#sendPart());
  }

  async sync(): Promise<void> {
    if (this.#complete) return;
    await asking(this.#place, () => this.#finish());
    this.#complete = true;
  }

  async close(): Promise<void> {
    await this.sync();
  }

  async #sendPart(): Promise<void> {
    const { bucket: Bucket, key: Key } = this.#place;
    if (this.#upload === undefined) {
      const command = new this.#sdk.CreateMultipartUploadCommand({ Bucket, Key });
      this.#upload = (await this.#client.send(command)).UploadId ?? "";
    }
    const PartNumber = this.#parts.length + 1;
    const UploadId = this.#upload;
    const Body = this.#take();
    try {
      const { ETag = "" } = await this.#client.send(
        new this.#sdk.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }),
      );
      this.#parts.push({ ETag, PartNumber });
    } catch (error) {
      await this.#abort(UploadId);
      throw error;
    }
  }

  async #finish(): Promise<void> {
    const { bucket: Bucket, key: Key } = this.#place;
    if (this.#upload === undefined) {
      await this.#client.send(new this.#sdk.PutObjectCommand({ Bucket, Key, Body: this.#take() }));
      return;
    }
    if (this.#waitingBytes > 0) await this.#sendPart();
    const MultipartUpload = { Parts: this.#parts };
    const UploadId = this.#upload;
    await this.#client.send(
      new this.#sdk.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }),
    );
  }

  /** Parts that nobody completes would be paid for ever; the upload's own failure is what counts. */
  async #abort(UploadId: string): Promise<void> {
    const { bucket: Bucket, key: Key } = this.#place;
    const command = new this.#sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId });
    await this.#client.send(command).catch(() => {});
  }

  #take(): Uint8Array {
    const bytes = Buffer.concat(this.#waiting, this.#waitingBytes);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return bytes;
  }
}

function placeOf(path: string): Place {
  const [, scheme, bucket, rest] = SCHEME.exec(path)!;
  const key = rest!.replace(/\/+$/, "").replace(/\/{2,}/g, "/");
  return { store: scheme === "oss" ? "oss" : "s3", bucket: bucket!, key, path };
}

function folderOf(key: string): string {
  return key === "" ? "" : `${key}/`;
}

function s3Config() {
  const { env } = process;
  const endpoint = env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  if (endpoint === undefined) return region === undefined ? {} : { region };
  return { endpoint, region: region ?? "us-east-1", forcePathStyle: true };
}

function ossConfig() {
  const { env } = process;
  const region = env["OSS_REGION"] ?? "cn-hangzhou";
  const endpoint = env["OSS_ENDPOINT"] ?? `https://oss-${region}.aliyuncs.com`;
  const accessKeyId = env["OSS_ACCESS_KEY_ID"];
  const secretAccessKey = env["OSS_ACCESS_KEY_SECRET"];
  const sessionToken = env["OSS_SESSION_TOKEN"];
  return {
    endpoint: /^https?:/.test(endpoint) ? endpoint : `https://${endpoint}`,
    region,
    // A store on this machine has no names for its buckets.
    forcePathStyle: /^https?:\/\/(localhost|[\d.]+|\[)/.test(endpoint),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        }),
  };
}

async function asking<T>(place: Place, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw fileError(error, place);
  }
}

/** The store's error with Node's code for it. */
function fileError(error: unknown, place: Place): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = codeOf(error);
  const text = `${code === undefined ? "" : `${code}: `}${name}: ${message} (${place.path})`;
  return Object.assign(new Error(text), code === undefined ? {} : { code });
}

function notFound(place: Place): Error {
  return Object.assign(new Error(`ENOENT: no such object (${place.path})`), { code: "ENOENT" });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, $metadata } = error as Error & {
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  if (status === 404) return "ENOENT";
  if (status === 401 || status === 403 || error.name === "CredentialsProviderError")
    return "EACCES";
  return code;
}
