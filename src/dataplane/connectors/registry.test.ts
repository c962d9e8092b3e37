import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECTOR_OPTIONS, defaultRegistry, FORMAT_OPTIONS } from "./registry.ts";

test("every connector and format has its catalogue of options, and no other", () => {
  const registry = defaultRegistry();
  const connectors = [...new Set([...registry.sources, ...registry.sinks])].sort();
  assert.deepEqual(Object.keys(CONNECTOR_OPTIONS).sort(), connectors);
  assert.deepEqual(Object.keys(FORMAT_OPTIONS).sort(), registry.formats);
  for (const format of registry.formats)
    assert.deepEqual(
      FORMAT_OPTIONS[format]!.map(({ key }) => key),
      registry.format(format).options,
    );
});

test("catalogues are whole: descriptions, values of enums, defaults that are allowed", () => {
  const all = [...Object.values(CONNECTOR_OPTIONS), ...Object.values(FORMAT_OPTIONS)].flat();
  for (const option of all) {
    assert.match(option.description, /^[A-Z`'].*\.$/, option.key);
    assert.equal(option.type === "enum", option.values !== undefined, option.key);
    if (option.type === "enum" && option.default !== undefined)
      assert.ok(option.values?.includes(option.default), option.key);
  }
});

test("unknown names are errors that name the known ones", () => {
  const registry = defaultRegistry();
  assert.throws(
    () => registry.source("filesytem"),
    (error: Error & { code: string; hint: string; place: unknown }) => {
      assert.equal(error.code, "MR3001");
      assert.match(error.hint, /datagen, filesystem, nexmark/);
      assert.deepEqual(error.place, { didYouMean: ["filesystem"] });
      return true;
    },
  );
  assert.throws(() => registry.format("xml"), { code: "MR1003" });
});
