/**
 * Obtains Apache Flink: FLINK_HOME if set, else version 2.3.0 from the package registries, kept in the cache.
 *
 * Flow:    here → cluster. PyPI's wheel apache-flink-libraries holds lib/ and bin/; the SQL Gateway and the
 *          web runtime (REST handlers) come from Maven Central. About 330 MB once.
 * Errors:  MR8080 when Java, Python's pip, Maven or a registry is missing: the bench then has no peer.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchErrors } from "../../errors.ts";
import { cacheFolder } from "../../paths.ts";
import { progress } from "../../progress.ts";

const VERSION = "2.3.0";
const COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const MAVEN_JARS = ["flink-sql-gateway", "flink-runtime-web"] as const;
const DOWNLOAD_LIMIT_MS = 15 * 60_000;

export interface FlinkInstallation {
  readonly home: string;
  readonly version: string;
  readonly java: string;
  readonly javaVersion: string;
  /** Entries for the class path of all three processes. */
  readonly classPath: readonly string[];
}

/** `extraJars` (the nexmark source) go on the class path of every process. */
export async function obtainFlink(extraJars: readonly string[]): Promise<FlinkInstallation> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";
  const javaVersion = versionOf(java);
  const given = process.env.FLINK_HOME;
  const home = given ?? (await downloadedHome());
  const lib = join(home, "lib");
  const dist = listJars(lib).find((jar) => /flink-dist-.*\.jar$/.test(jar));
  if (dist === undefined)
    throw missing(
      `${lib} holds no flink-dist jar`,
      "Set FLINK_HOME to the folder that holds lib/.",
    );
  const optional = listJars(join(home, "opt")).filter((jar) => /flink-sql-gateway-\d/.test(jar));
  return {
    home,
    version: /flink-dist-(.*)\.jar$/.exec(dist)![1]!,
    java,
    javaVersion,
    classPath: [...listJars(lib), ...optional, ...extraJars],
  };
}

async function downloadedHome(): Promise<string> {
  const home = join(cacheFolder(), `flink-${VERSION}`);
  const marker = join(home, "complete");
  if (existsSync(marker)) return home;
  const folder = join(cacheFolder(), `flink-${VERSION}.partial`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await downloadWheel(folder);
  await downloadGateway(join(folder, "pyflink", "lib"));
  rmSync(home, { recursive: true, force: true });
  renameSync(join(folder, "pyflink"), home);
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(marker, `${VERSION}\n`);
  return home;
}

async function downloadWheel(folder: string): Promise<void> {
  progress(`downloading apache-flink-libraries ${VERSION} with pip (330 MB)`);
  const wanted = `apache-flink-libraries==${VERSION}`;
  await run("python3", ["-m", "pip", "download", "--no-deps", "--dest", folder, wanted], folder);
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (wheel === undefined)
    throw missing("pip left no wheel", "Try pip download by hand, or set FLINK_HOME.");
  progress("unpacking it");
  await run("python3", ["-m", "zipfile", "-e", wheel, "."], folder);
}

async function downloadGateway(lib: string): Promise<void> {
  for (const name of MAVEN_JARS) {
    progress(`downloading ${name} ${VERSION} with Maven`);
    const artifact = `-Dartifact=org.apache.flink:${name}:${VERSION}`;
    await run("mvn", ["-q", "-B", COPY_GOAL, artifact, `-DoutputDirectory=${lib}`], lib);
  }
}

function listJars(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".jar"));
  return names.sort().map((name) => join(folder, name));
}

function versionOf(java: string): string {
  const { error, stderr } = spawnSync(java, ["-version"], { encoding: "utf8" });
  if (error !== undefined)
    throw missing("there is no Java", "Install a Java 17 runtime, or set JAVA_HOME.");
  return stderr.split("\n").find((line) => /version|build/.test(line)) ?? "unknown";
}

async function run(command: string, args: readonly string[], folder: string): Promise<void> {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), DOWNLOAD_LIMIT_MS);
  let tail = "";
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-600);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : `exit status ${code}: ${tail}`));
  });
  clearTimeout(timer);
  if (failure === undefined) return;
  throw missing(
    `${command}: ${failure}`,
    "python3 with pip, Maven and their registries are needed; or set FLINK_HOME.",
  );
}

function missing(reason: string, remedy: string) {
  return benchErrors.PEER_MISSING({ reason, remedy });
}
