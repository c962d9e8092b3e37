import assert from "node:assert/strict";
import { test } from "node:test";
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { UserProcessDeclaration } from "../../../foundation/plan/process-declaration.ts";
import { declarationFault } from "../../../foundation/plan/user-function.ts";
import { processDefinition } from "./process-definition.ts";

const declared: UserProcessDeclaration = {
  kind: "process",
  parameters: [
    {
      name: "r",
      kind: "table",
      traits: ["set-semantics"],
      fields: [{ name: "k", type: "STRING NOT NULL" }],
    },
    { name: "step", kind: "scalar", type: "DECIMAL(10, 2)", optional: true },
    { name: "columns", kind: "descriptor", optional: true },
  ],
  state: [
    { name: "sum", kind: "value", type: "ROW<a INT, b ARRAY<STRING>>", ttlMs: 5 },
    { name: "by", kind: "map", type: "BIGINT", keyType: "DATE NOT NULL" },
  ],
  output: [{ name: "total", type: "TIMESTAMP_LTZ(3)" }],
};

test("types of a declaration are read as in CREATE TABLE", () => {
  const { process, category } = processDefinition("f", "f@/m.ts#f", declared);
  assert.equal(category, "table");
  assert.equal(process?.className, "f@/m.ts#f");
  assert.equal(process.changelog, "insert-only");
  assert.equal(typeToString(process.output[0]!.type), "TIMESTAMP_LTZ(3)");
  assert.equal(typeToString(process.state[0]!.type), "ROW<`a` INT, `b` ARRAY<STRING>>");
  assert.equal(process.state[1]!.keyType?.nullable, false);
  const [table, scalar] = process.parameters;
  assert.ok(table?.kind === "table" && scalar?.kind === "scalar");
  assert.equal(table.fields![0]!.type.nullable, false);
  assert.equal(typeToString(scalar.type), "DECIMAL(10, 2)");
});

test("what is no declaration is refused with the reason", () => {
  const fault = (change: Readonly<Record<string, unknown>>) =>
    declarationFault({ ...declared, eval: () => undefined, ...change });
  assert.equal(fault({}), undefined);
  assert.match(fault({ eval: 1 }) ?? "", /no eval/);
  assert.match(fault({ output: undefined }) ?? "", /output/);
  assert.match(fault({ changelog: "all" }) ?? "", /changelog/);
  assert.match(fault({ state: [{ name: "m", kind: "map", type: "INT" }] }) ?? "", /keyType/);
  assert.match(fault({ parameters: [{ name: "r", kind: "table" }] }) ?? "", /traits/);
  const both = { name: "r", kind: "table", traits: ["set-semantics", "row-semantics"] };
  assert.match(fault({ parameters: [both] }) ?? "", /parameters/);
});
