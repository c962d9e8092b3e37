/**
 * The rules of the house that neither biome nor the compiler checks, each a function from one file to its violations.
 *
 * Flow:    tidy.ts reads the files → here → one line per violation: path:line, rule, what to do.
 * Limits:  500 lines a file; a header from 80 lines on; AssemblyScript and generated files exempt from both.
 */
import { basename, dirname, posix } from "node:path";
import { ALLOWANCES, OPEN_DOORS } from "./tidy-allowances.ts";
import { importRefusal, type Room, roomOf } from "./tidy-rooms.ts";
import { blankNonCode, type Import, lineAt, readImports } from "./tidy-scan.ts";

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly remedy: string;
}

export interface Packages {
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

interface BannedCode {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly remedy: string;
}

const MAX_LINES = 500;
const HEADER_FROM_LINES = 80;

const WORLD_MODULES = new Set(
  [
    ...["fs", "fs/promises", "net", "http", "https", "http2", "tls", "dgram", "dns"],
    ...["dns/promises", "child_process", "worker_threads", "cluster", "timers", "timers/promises"],
  ].map((name) => `node:${name}`),
);

const BANNED_CODE: readonly BannedCode[] = [
  {
    rule: "clock",
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
    remedy: "take the time from host's Clock (Env.clock), so that the simulator can replace it",
  },
  {
    rule: "random",
    pattern: /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\brandomInt\b|\bgetRandomValues\b/g,
    remedy: "take randomness from host's Random (Env.random), so that a seed replays it",
  },
  {
    rule: "timers",
    pattern: /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\b/g,
    remedy: "take timers from host (Env.timers), so that the simulator can replace them",
  },
  {
    rule: "console",
    pattern: /(?<![.\w])console\.\w+\s*\(/g,
    remedy: "throw a catalogue error, count a metric, or let the command line talk",
  },
  {
    rule: "place",
    pattern: /\bimport\.meta\.(?:dirname|filename)\b/g,
    remedy: 'name files by new URL("…", import.meta.url), which the bundle rewrites',
  },
  {
    rule: "skipped test",
    pattern: /\b(?:skip|only|todo):\s*true\b/g,
    remedy: "run the test always; a skip needs a reason that is found out at run time",
  },
];

const UNFINISHED = new RegExp(
  `\\b(?:${["TO", "FIX"].map((a, i) => a + ["DO", "ME"][i]).join("|")})\\b`,
  "g",
);
const WORKPLACE = new RegExp(`(?<![\\w./-])/${"work"}/(?=\\w)`, "g");
const REGISTRY = new RegExp(`registry\\.${"npm"}|npm${"mirror"}|"resolved": "${"http"}`, "g");

/** Every violation of one file. `text` is the whole file; a path is relative to the repository, with `/`. */
export function checkFile(path: string, text: string, packages: Packages): Violation[] {
  const violations = checkWords(path, text);
  if (!/\.(?:ts|tsx|mjs)$/.test(path) || path.endsWith(".d.ts")) return violations;
  violations.push(...checkName(path));
  if (/\.(?:as|generated)\.ts$/.test(path)) return violations;
  violations.push(...checkSize(path, text));
  const code = blankNonCode(text);
  violations.push(...checkCode(path, code));
  for (const found of readImports(text, code)) {
    violations.push(...checkImport(path, found, packages));
  }
  return violations;
}

/** Violations that no allowance covers, and allowances that cover none. */
export function applyAllowances(violations: readonly Violation[]): Violation[] {
  const covers = (violation: Violation, { path, rule }: { path: string; rule: string }) =>
    violation.path === path && violation.rule === rule;
  const left = violations.filter(
    (violation) => !ALLOWANCES.some((item) => covers(violation, item)),
  );
  const unused = ALLOWANCES.filter((item) => !violations.some((found) => covers(found, item)));
  return [
    ...left,
    ...unused.map(({ path, rule }) => ({
      path: "tools/tidy-allowances.ts",
      line: 1,
      rule: "allowance",
      remedy: `the exception of ${path} from "${rule}" is needed no more: remove it`,
    })),
  ];
}

function checkWords(path: string, text: string): Violation[] {
  if (path === "LICENSE") return [];
  const words = [
    {
      rule: "unfinished",
      pattern: UNFINISHED,
      remedy: "finish it, or refuse it with a clear error",
    },
    {
      rule: "workplace path",
      pattern: WORKPLACE,
      remedy: "find data through MILLRACE_SHARED or the sibling folder ../shared",
    },
    {
      rule: "registry host",
      pattern: REGISTRY,
      remedy: "leave hosts of registries to npm's settings",
    },
  ];
  const isLock = path === "package-lock.json";
  return words
    .filter(({ rule }) => !isLock || rule === "registry host")
    .flatMap(({ rule, pattern, remedy }) => findAll(path, text, rule, pattern, remedy));
}

function checkName(path: string): Violation[] {
  const name = basename(path);
  const at = { path, line: 1, rule: "file name" };
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)+$/.test(name)) {
    return [{ ...at, remedy: "kebab-case, named after the main export" }];
  }
  if (/^(?:utils?|helpers?|misc|common)\./.test(name)) {
    return [{ ...at, remedy: "name the file after what it holds" }];
  }
  return [];
}

function checkSize(path: string, text: string): Violation[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const violations: Violation[] = [];
  if (lines > MAX_LINES) {
    const remedy = `${lines} lines, the wall is ${MAX_LINES}: split it by what it does`;
    violations.push({ path, line: MAX_LINES + 1, rule: "file size", remedy });
  }
  const start = text.replace(/^#!.*\n/, "");
  if (lines > HEADER_FROM_LINES && !/\.test\.tsx?$/.test(path) && !start.startsWith("/**")) {
    const remedy = "open with a header: what it is, flow, shapes, limits, errors, source";
    violations.push({ path, line: 1, rule: "file header", remedy });
  }
  return violations;
}

function checkCode(path: string, code: string): Violation[] {
  return BANNED_CODE.filter(({ rule }) => !isOpen(path, rule)).flatMap(
    ({ rule, pattern, remedy }) => findAll(path, code, rule, pattern, remedy),
  );
}

function checkImport(path: string, found: Import, packages: Packages): Violation[] {
  const { specifier, line, typeOnly } = found;
  const room = roomOf(path);
  const refuse = (rule: string, remedy: string) => [{ path, line, rule, remedy }];
  if (room === undefined)
    return refuse("room", "every file belongs to a room of tools/tidy-rooms.ts");
  const isTest = /\.(?:test|bench)\.tsx?$/.test(path);
  if (specifier.startsWith(".")) {
    const target = posix.join(dirname(path), specifier.replace(/\?.*$/, ""));
    if (target.startsWith("..")) return refuse("import table", "nothing outside the repository");
    if (!/\.(?:ts|tsx|mjs|json|css|svg|wasm)$/.test(target)) {
      return refuse("import extension", `write the file's whole name: "${specifier}.ts"`);
    }
    const refusal = isTest ? undefined : importRefusal(room, target, typeOnly);
    return refusal === undefined ? [] : refuse("import table", refusal);
  }
  if (specifier.startsWith("node:")) return checkNodeModule(path, room, specifier, refuse);
  return checkPackage(room, isTest, specifier, packages, refuse);
}

type Refuse = (rule: string, remedy: string) => Violation[];

function checkNodeModule(path: string, room: Room, specifier: string, refuse: Refuse): Violation[] {
  const isTest = path.endsWith(".test.ts");
  if (room.anyEnvironment && !isTest) {
    return refuse("any environment", `${room.name} runs in browsers, too: no ${specifier}`);
  }
  if (room.name === "console" && !/\.(?:test|config)\.ts$/.test(path)) {
    return refuse("any environment", `the console runs in browsers: no ${specifier}`);
  }
  if (!WORLD_MODULES.has(specifier) || isOpen(path, specifier)) return [];
  return refuse("world", `${specifier} only in host: take what you need from its Env`);
}

function checkPackage(
  room: Room,
  isTest: boolean,
  specifier: string,
  packages: Packages,
  refuse: Refuse,
): Violation[] {
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (room.anyEnvironment && !isTest) {
    return refuse("any environment", `${room.name} needs no packages: no ${name}`);
  }
  if (packages.dependencies.has(name)) return [];
  const isShipped = room.folder.startsWith("src/") && !isTest;
  if (packages.devDependencies.has(name)) {
    if (!isShipped) return [];
    return refuse(
      "package",
      `${name} is a development dependency: src may not need it at run time`,
    );
  }
  return refuse("package", `${name} is not in package.json`);
}

function isOpen(path: string, what: string): boolean {
  return OPEN_DOORS.some(
    ({ where, allows }) =>
      where.test(path) &&
      (allows.includes(what) || (what.startsWith("node:") && allows.includes("node:*"))),
  );
}

function findAll(
  path: string,
  text: string,
  rule: string,
  pattern: RegExp,
  remedy: string,
): Violation[] {
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => ({
    path,
    line: lineAt(text, index),
    rule,
    remedy: `${found.trim()}: ${remedy}`,
  }));
}
