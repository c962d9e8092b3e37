import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { realEnv } from "./real-env.ts";

interface S3rver {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}
type S3rverClass = new (options: Readonly<Record<string, unknown>>) => S3rver;

let server: S3rver;
let folder: string;
const { files } = realEnv();
const root = "s3://states/jobs";

before(async () => {
  const Server = createRequire(import.meta.url)("s3rver") as S3rverClass;
  folder = await mkdtemp(join(tmpdir(), "millrace-s3-"));
  const buckets = [{ name: "states" }];
  const options = { address: "127.0.0.1", port: 0, silent: true, directory: folder };
  server = new Server({ ...options, configureBuckets: buckets });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: "S3RVER",
    AWS_SECRET_ACCESS_KEY: "S3RVER",
    OSS_ENDPOINT: endpoint,
    OSS_ACCESS_KEY_ID: "NOBODY",
    OSS_ACCESS_KEY_SECRET: "wrong",
  });
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

test("objects are written whole, read in ranges, listed as folders", async () => {
  await files.mkdirs(`${root}/a/b`);
  await files.writeAtomic(`${root}/a/b/one`, new TextEncoder().encode("0123456789"));
  await files.writeAtomic(`${root}/a/two`, new Uint8Array(0));
  assert.deepEqual(await files.list(`${root}/a`), ["b", "two"]);
  assert.deepEqual(await files.list(`${root}/nothing`), []);
  assert.equal((await files.stat(`${root}/a/b/one`))?.sizeBytes, 10);
  assert.equal((await files.stat(`${root}/a`))?.isDirectory, true);
  assert.equal(await files.stat(`${root}/a/b/on`), undefined);
  const file = await files.open(`${root}/a/b/one`);
  const bytes = new Uint8Array(4);
  assert.equal(await file.read(bytes, 3), 4);
  assert.equal(new TextDecoder().decode(bytes), "3456");
  assert.equal(await file.read(bytes, 8), 2);
  assert.equal(await file.read(bytes, 10), 0);
  assert.throws(() => file.readSync(bytes, 0), { code: "MR1022" });
  await file.close();
});

test("an object of several parts comes back as it was, and is invisible until it is whole", async () => {
  const path = `${root}/large`;
  const file = await files.create(path);
  // A Buffer that is used again, as writers of state do.
  const chunk = Buffer.alloc(3 << 20);
  for (let i = 0; i < 7; i++) await file.append(chunk.fill(i + 1));
  assert.equal(await files.stat(path), undefined);
  await file.sync();
  await assert.rejects(file.append(chunk), { code: "MR1022" });
  await file.close();
  const all = await files.readAll(path);
  assert.equal(all.length, 21 << 20);
  assert.deepEqual([...new Set(all)], [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(all[(3 << 20) - 1], 1);
  assert.equal(all[3 << 20], 2);
});

test("folders are renamed and removed with what they hold, and nothing beside them", async () => {
  for (const name of ["x/1", "x/y/2", "xx"])
    await files.writeAtomic(`${root}/r/${name}`, new TextEncoder().encode(name));
  await files.rename(`${root}/r/x`, `${root}/r/z`);
  assert.deepEqual(await files.list(`${root}/r`), ["xx", "z"]);
  assert.equal(new TextDecoder().decode(await files.readAll(`${root}/r/z/y/2`)), "x/y/2");
  await files.remove(`${root}/r/z`);
  await files.remove(`${root}/r/z`);
  assert.deepEqual(await files.list(`${root}/r`), ["xx"]);
});

test("errors have the code of Node's, name the path and no key", async () => {
  await assert.rejects(files.readAll(`${root}/missing`), {
    code: "ENOENT",
    message: /jobs\/missing/,
  });
  await assert.rejects(files.open(`${root}/missing`), { code: "ENOENT" });
  await assert.rejects(files.readAll("oss://states/jobs/large"), (error: Error) => {
    assert.equal((error as NodeJS.ErrnoException).code, "EACCES");
    assert.doesNotMatch(error.message, /wrong/);
    return true;
  });
  await assert.rejects(files.rename("/tmp/a", `${root}/b`), { code: "MR1022" });
  await assert.rejects(files.truncate(`${root}/large`, 1), { code: "MR1022" });
});
