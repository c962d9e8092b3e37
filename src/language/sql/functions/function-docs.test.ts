import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinFunction, builtinFunctionNames } from "./function-catalog.ts";
import { documentedFunctions, functionDoc, SPECIAL_FORMS } from "./function-docs.ts";

test("every built-in function has its sentence, and no other has one", () => {
  const names = builtinFunctionNames().filter((name) => builtinFunction(name) !== undefined);
  const canonical = new Set([
    ...names.map((name) => builtinFunction(name)!.name),
    ...SPECIAL_FORMS,
  ]);
  const documented = new Set(documentedFunctions());
  assert.deepEqual(
    [...canonical].filter((name) => !documented.has(name)),
    [],
  );
  assert.deepEqual(
    [...documented].filter((name) => !canonical.has(name)),
    [],
  );
  for (const name of names) assert.match(functionDoc(name)!.text, /\.$/, name);
});
