/**
 * The first step of every npm script: plain JavaScript that runs on an old Node (20), installs what is missing, and
 * goes on under a Node that Millrace can use (the one npm installs here, 26, or the running one from 24 on).
 *
 * Flow:    `npm start|test|tidy|build|bench|conformance|faults|fuzz-expressions|fuzz-queries|properties [-- arguments]` → here → the entry of that command.
 * Exit:    the status of the command; signals are passed on to it.
 * Errors:  one line on stderr that says what to do, and exit status 1.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MINIMUM_NODE = 24;
const HEARTBEAT_MS = 10_000;

/** What each command builds first and then runs. */
const COMMANDS = {
  start: { build: ["kernels", "cli", "console"], run: ["bin/millrace", "up"] },
  test: { build: [], run: ["tools/test.ts"] },
  tidy: { build: ["kernels"], run: ["tools/tidy.ts"] },
  build: { build: [], run: ["tools/build.ts"] },
  bench: { build: ["kernels", "cli"], run: ["bench/main.ts"] },
  conformance: { build: ["kernels"], run: ["testkit/conformance/main.ts"] },
  faults: { build: ["kernels", "cli"], run: ["tests/faults/main.ts"] },
  "fuzz-expressions": { build: ["kernels"], run: ["tests/fuzz/expressions.ts"] },
  "fuzz-queries": { build: ["kernels"], run: ["tests/fuzz/queries.ts"] },
  properties: { build: ["kernels"], run: ["tests/properties/main.ts"] },
};

const [command, ...args] = process.argv.slice(2);
const plan = COMMANDS[command];
if (plan === undefined) fail(`unknown command ${command}: ${Object.keys(COMMANDS).join(", ")}`);
if (!isInstalled()) await install();
const node = findNode();
const entry = join(root, plan.run[0]);
if (!existsSync(entry)) fail(`${plan.run[0]} does not exist in this checkout`);
if (plan.build.length > 0) {
  const status = await run(node, [join(root, "tools/build.ts"), "--quiet", ...plan.build]);
  if (status !== 0) process.exit(status);
}
process.exit(await run(node, [entry, ...plan.run.slice(1), ...args]));

/** True when every package of the lock file is in node_modules in that version (those of other platforms aside). */
function isInstalled() {
  const installedPath = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installedPath)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedPath, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || optional || installed[path]?.version === version,
  );
}

async function install() {
  say("installing the dependencies that package-lock.json names (about a minute) …");
  const npm = process.env.npm_execpath;
  const isScript = npm !== undefined && /\.[cm]?js$/.test(npm);
  const [file, ...first] = isScript ? [process.execPath, npm] : ["npm"];
  const child = spawn(file, [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
  });
  let messages = "";
  child.stderr.on("data", (chunk) => {
    messages += chunk;
    process.stderr.write(chunk);
  });
  const startedAt = Date.now();
  const heartbeat = setInterval(() => {
    say(`still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`);
  }, HEARTBEAT_MS);
  const status = await ended(child).catch((error) => fail(`npm does not start: ${error.message}`));
  clearInterval(heartbeat);
  if (status === 0) return say(`installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  if (/ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH/.test(messages)) {
    fail(
      "the npm registry cannot be reached: connect this machine, or point npm at a registry it " +
        "can reach (`npm config set registry <url>`), then run the command again",
    );
  }
  fail("`npm ci` failed (its message is above): mend that, then run the command again");
}

function findNode() {
  const local = join(root, "node_modules/node/bin/node");
  if (existsSync(local) && spawnSync(local, ["--version"]).status === 0) return local;
  if (Number.parseInt(process.versions.node, 10) >= MINIMUM_NODE) return process.execPath;
  return fail(
    `Millrace needs Node ${MINIMUM_NODE} or newer, this is ${process.version}, and the one that npm installs ` +
      "is missing (were install scripts off?): run `npm rebuild node --ignore-scripts=false`",
  );
}

async function run(file, fileArgs) {
  const path = [join(root, "node_modules/.bin"), dirname(file), process.env.PATH].join(delimiter);
  const child = spawn(file, fileArgs, {
    cwd: process.env.INIT_CWD && command === "start" ? process.env.INIT_CWD : root,
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  // A terminal sends SIGINT to the whole group, so that one is only awaited; the others reach this process alone.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return ended(child).catch((error) => fail(`${file} does not start: ${error.message}`));
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

function say(text) {
  process.stderr.write(`millrace: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
