import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "./build-files.ts";
import { rewriteSource } from "./bundle-cli.ts";

const path = join(repositoryRoot, "src/dataplane/runtime/worker/pool.ts");

test("URLs of a source are rewritten to where dist/ has the file", () => {
  const copies = new Map<string, string>();
  const cases: [before: string, after: string][] = [
    ['new URL("./task.worker.ts", import.meta.url)', '"./task.worker.mjs"'],
    ["new URL('../../kernels/index.as.ts', import.meta.url)", '"./index.as.ts"'],
    ['new URL(\n  "../../../../dist/console/",\n  import.meta.url,\n)', '"./console/"'],
    ['new URL("../../../../package.json", import.meta.url)', '"../package.json"'],
  ];
  for (const [before, after] of cases) {
    assert.equal(rewriteSource(path, before, copies), `new URL(${after}, import.meta.url)`);
  }
  const kernels = join(repositoryRoot, "src/dataplane/kernels/index.as.ts");
  assert.deepEqual([...copies], [["index.as.ts", kernels]]);
  assert.equal(rewriteSource(path, 'new URL("http://a/b")', copies), 'new URL("http://a/b")');
});

test("two files of one name cannot both be copied", () => {
  const copies = new Map([["index.as.ts", "/elsewhere/index.as.ts"]]);
  const text = 'new URL("../../kernels/index.as.ts", import.meta.url)';
  assert.throws(() => rewriteSource(path, text, copies), /clash/);
});
