import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allErrors, referencePages } from "./reference.ts";

test("the reference pages are what the catalogues say", async () => {
  for (const [path, text] of Object.entries(await referencePages())) {
    const written = readFileSync(join(import.meta.dirname, "../..", path), "utf8");
    assert.equal(written, text, `${path}: run node tools/generate/reference.ts`);
  }
});

test("every error has a remedy, and lies in the range of its room", async () => {
  for (const { code, hint, message } of await allErrors()) {
    assert.match(code, /^MR\d{4}$/);
    assert.ok((hint.length > 10 || hint.includes("{")) && message.length > 5, code);
  }
});
