import assert from "node:assert/strict";
import { test } from "node:test";
import { completeLockFile, missingEntries } from "./lock-file.ts";

const lock = {
  packages: {
    "": {},
    "node_modules/tool": {
      version: "2.0.0",
      dev: true,
      optionalDependencies: {
        "@tool/linux-x64": "2.0.0",
        "@tool/linux-x64-musl": "2.0.0",
        "@tool/win32-arm64": "2.0.0",
        watcher: "^1.0.0",
      },
    },
    "node_modules/tool/node_modules/@tool/linux-x64": { version: "2.0.0", optional: true },
  },
};

test("a platform that the registry lacked gets its version, system and processor", () => {
  assert.deepEqual(Object.fromEntries(missingEntries(lock)), {
    "node_modules/@tool/linux-x64-musl": {
      version: "2.0.0",
      cpu: ["x64"],
      dev: true,
      libc: ["musl"],
      optional: true,
      os: ["linux"],
    },
    "node_modules/@tool/win32-arm64": {
      version: "2.0.0",
      cpu: ["arm64"],
      dev: true,
      optional: true,
      os: ["win32"],
    },
  });
  assert.equal(missingEntries(completeLockFile(lock)).size, 0);
});
