import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "./tidy-rules.ts";
import { blankNonCode, readImports } from "./tidy-scan.ts";

const packages = {
  dependencies: new Set(["fastify", "zod"]),
  devDependencies: new Set(["react", "fast-check", "@duckdb/node-api"]),
};

/** The rules that a file of one line or more breaks, with their lines. */
function broken(path: string, text: string): string[] {
  return checkFile(path, text, packages).map(({ line, rule }) => `${line} ${rule}`);
}

test("blanking keeps code, length and line breaks", () => {
  const text = [
    "const a = 'Date.now()'; // Date.now()",
    "/* Date.now()",
    "*/ const b = `Date.now() ${Date.now() + `${{ x: 1 }.x}`} \\` Date.now()`;",
    "const c = /Date.now()[/'\"]/.test(x) ? 4 / 2 / 1 : Date.now;",
    'const d = "it\'s\\" Date.now()"; Date.now();',
  ].join("\n");
  const code = blankNonCode(text);
  assert.equal(code.length, text.length);
  assert.deepEqual(
    code.split("\n").map((line) => line.match(/Date\.now/g)?.length ?? 0),
    [0, 0, 1, 1, 1],
  );
  assert.match(code, /4 \/ 2 \/ 1/);
});

test("imports of every form are found, and which are of types only", () => {
  const text = [
    'import { a, type B } from "./ab.ts";',
    'import type { C } from "./c.ts";',
    "import {",
    "  type D,",
    "  type E,",
    '} from "./de.ts";',
    'export * from "./all.ts";',
    'import "./effect.ts";',
    'const lazy = await import("./lazy.ts");',
    'const text = `import { x } from "./text.ts"`; // import "./comment.ts";',
    'export { f } from "./f.ts";',
  ].join("\n");
  const imports = readImports(text, blankNonCode(text));
  assert.deepEqual(
    imports.map(({ specifier, line, typeOnly }) => `${line} ${specifier} ${typeOnly}`),
    [
      "1 ./ab.ts false",
      "2 ./c.ts true",
      "6 ./de.ts true",
      "7 ./all.ts false",
      "8 ./effect.ts false",
      "9 ./lazy.ts false",
      "11 ./f.ts false",
    ],
  );
});

test("the import table holds between rooms", () => {
  const cases: [path: string, specifier: string, allowed: boolean][] = [
    ["src/foundation/base/limits.ts", "./errors.ts", true],
    ["src/foundation/base/limits.ts", "../columnar/batch.ts", false],
    ["src/foundation/columnar/arena.ts", "../../dataplane/kernels/kernels.generated.ts", true],
    ["src/language/sql/parser/parse.ts", "../../../foundation/plan/exec-node.ts", true],
    ["src/language/sql/parser/parse.ts", "../../../dataplane/contract/operator.ts", false],
    ["src/dataplane/operators/join/join.ts", "../../state/page.ts", false],
    ["src/dataplane/formats/json/decode.ts", "../../connectors/kafka/reader.ts", false],
    ["src/dataplane/formats/json/decode.ts", "../csv/decode.ts", true],
    ["src/dataplane/runtime/task.ts", "../connectors/registry.ts", true],
    ["src/dataplane/runtime/task.ts", "../connectors/kafka/reader.ts", false],
    ["src/controlplane/controller/deploy.ts", "../targets/target.ts", true],
    ["src/controlplane/controller/deploy.ts", "../targets/embedded/embedded.ts", false],
    ["src/controlplane/access/users.ts", "../../cli/main.ts", false],
    ["src/cli/main.ts", "../dataplane/connectors/kafka/reader.ts", true],
    ["src/dataplane/state/page.test.ts", "../../../testkit/simulator.ts", true],
    ["src/dataplane/state/page.ts", "../../../testkit/simulator.ts", false],
    ["src/dataplane/state/page.ts", "../../../../elsewhere/x.ts", false],
    ["console/pages/sql/editor.tsx", "../../../src/language/sql/parser/parse.ts", true],
    ["console/pages/sql/editor.tsx", "../../../src/controlplane/store/store.ts", false],
  ];
  for (const [path, specifier, allowed] of cases) {
    const expected = allowed ? [] : ["1 import table"];
    assert.deepEqual(broken(path, `import { x } from "${specifier}";\n`), expected, path);
  }
});

test("a room that may import types may import nothing else", () => {
  const path = "src/dataplane/contract/operator.ts";
  const from = '"../../foundation/host/env.ts"';
  assert.deepEqual(broken(path, `import type { Clock } from ${from};\n`), []);
  assert.deepEqual(broken(path, `import { type Clock } from ${from};\n`), []);
  assert.deepEqual(broken(path, `import { realEnv } from ${from};\n`), ["1 import table"]);
});

test("packages and node: modules where they belong", () => {
  const cases: [path: string, specifier: string, rules: string[]][] = [
    ["src/language/sql/lexer.ts", "node:path", ["1 any environment"]],
    ["src/language/sql/lexer.ts", "zod", ["1 any environment"]],
    ["src/language/sql/lexer.test.ts", "node:test", []],
    ["src/dataplane/runtime/task.ts", "node:fs", ["1 world"]],
    ["src/dataplane/runtime/task.ts", "node:path", []],
    ["src/dataplane/runtime/task.worker.ts", "node:worker_threads", []],
    ["src/foundation/host/real-env.ts", "node:fs/promises", []],
    ["src/dataplane/connectors/kafka/socket.ts", "node:net", []],
    ["src/dataplane/connectors/kafka/socket.ts", "node:fs", ["1 world"]],
    ["src/controlplane/api/server.ts", "fastify", []],
    ["src/controlplane/api/server.ts", "react", ["1 package"]],
    ["src/controlplane/api/server.ts", "left-pad", ["1 package"]],
    ["console/main.tsx", "react", []],
    ["console/main.tsx", "node:fs", ["1 any environment"]],
    ["bench/oracle.ts", "@duckdb/node-api/lib", []],
    ["src/dataplane/state/page.prop.test.ts", "fast-check", []],
    ["src/dataplane/state/page.ts", "./segment", ["1 import extension"]],
  ];
  for (const [path, specifier, rules] of cases) {
    assert.deepEqual(broken(path, `import { x } from "${specifier}";\n`), rules, path);
  }
});

test("what belongs to host is refused elsewhere", () => {
  const path = "src/dataplane/runtime/task.ts";
  const cases: [text: string, rules: string[]][] = [
    ["const t = Date.now();", ["1 clock"]],
    ["const t = new Date();", ["1 clock"]],
    ["const t = new Date(0);", []],
    ["\nconst t = performance.now();", ["2 clock"]],
    ["const r = Math.random();", ["1 random"]],
    ["setTimeout(f, 5);", ["1 timers"]],
    ["env.setTimeout(f, 5);", []],
    ["console.log(1);", ["1 console"]],
    ["const here = import.meta.dirname;", ["1 place"]],
    ['const t = "Date.now()"; // Math.random()', []],
  ];
  for (const [text, rules] of cases) {
    assert.deepEqual(broken(path, `${text}\n`), rules, text);
    assert.deepEqual(broken("tools/some-tool.ts", `${text}\n`), [], text);
  }
  assert.deepEqual(broken("src/foundation/host/real-env.ts", "setTimeout(f, 5);\n"), []);
  assert.deepEqual(broken("src/foundation/host/real-env.ts", "console.log(1);\n"), ["1 console"]);
});

test("files have a size, a header and a name", () => {
  const path = "src/dataplane/state/page.ts";
  const long = "export const x = 1;\n".repeat(501);
  assert.deepEqual(broken(path, long), ["501 file size", "1 file header"]);
  assert.deepEqual(broken("src/dataplane/kernels/hash.as.ts", long), []);
  assert.deepEqual(broken(path, "x;\n".repeat(80)), []);
  assert.deepEqual(broken(path, "x;\n".repeat(81)), ["1 file header"]);
  assert.deepEqual(broken(path, `/** Header. */\n${"x;\n".repeat(81)}`), []);
  assert.deepEqual(broken("src/dataplane/state/pageTable.ts", "x;\n"), ["1 file name"]);
  assert.deepEqual(broken("src/dataplane/state/utils.ts", "x;\n"), ["1 file name"]);
  assert.deepEqual(broken("src/dataplane/state/page.prop.test.ts", "x;\n"), []);
});

test("words that do not belong in a repository", () => {
  const unfinished = ["TO", "DO"].join("");
  const workplace = ["", "work", "shared"].join("/");
  const registry = ["registry", "npmjs", "org"].join(".");
  assert.deepEqual(broken("docs/guide/x.md", `a\n${unfinished}: b\n`), ["2 unfinished"]);
  assert.deepEqual(broken("src/dataplane/kernels/x.as.ts", `// ${unfinished}\n`), ["1 unfinished"]);
  assert.deepEqual(broken("docs/guide/x.md", `in ${workplace}\n`), ["1 workplace path"]);
  assert.deepEqual(broken("docs/guide/x.md", "at-work/shared and ./work/x\n"), []);
  assert.deepEqual(broken("package-lock.json", `"https://${registry}/x"\n`), ["1 registry host"]);
  assert.deepEqual(broken("src/dataplane/state/page.test.ts", 'test("x", { skip: true });\n'), [
    "1 skipped test",
  ]);
});
