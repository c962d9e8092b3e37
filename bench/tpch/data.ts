/**
 * Makes TPC-H's tables as CSV files with DuckDB's generator, once per scale factor.
 *
 * Flow:    bench tpch → here → cache folder bench/tpch/sf<N>/<table>.csv.
 * Needs:   python3 with pip: DuckDB's extension tpch comes as a package of PyPI and loads only into its own version of
 *          DuckDB, so both are installed into a virtual environment of the cache. About 25 MB, once.
 * Size:    1.06 GB at scale factor 1, lineitem 750 MB of it.
 * Errors:  MR1086 when Python, pip or the registry is missing.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { benchErrors } from "../errors.ts";
import { cacheFolder } from "../paths.ts";
import { progress } from "../progress.ts";
import { TPCH_TABLES, tableFile } from "./tables.ts";

const VERSION = "1.5.5";
const READ_BYTES = 1 << 22;

const GENERATE = `
import os, sys, duckdb, duckdb_extension_tpch
scale, folder, tables = sys.argv[1], sys.argv[2], sys.argv[3:]
home = os.path.dirname(duckdb_extension_tpch.__file__)
connection = duckdb.connect()
connection.execute("LOAD '%s/extensions/v%s/tpch.duckdb_extension'" % (home, duckdb.__version__))
connection.execute("CALL dbgen(sf=%s)" % float(scale))
for table in tables:
    connection.execute("COPY %s TO '%s/%s.csv' (FORMAT csv, HEADER false)" % (table, folder, table))
`;

export interface TpchData {
  readonly folder: string;
  readonly scaleFactor: number;
  readonly bytes: number;
}

export async function tpchData(scaleFactor: number): Promise<TpchData> {
  const folder = join(cacheFolder("bench", "tpch"), `sf${scaleFactor}`);
  if (!existsSync(folder)) {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    const python = await pythonWithDuckDb();
    progress(`making TPC-H's tables, scale factor ${scaleFactor}`);
    await run(python, ["-c", GENERATE, String(scaleFactor), partial, ...TPCH_TABLES]);
    renameSync(partial, folder);
  }
  const bytes = TPCH_TABLES.reduce(
    (sum, table) => sum + statSync(tableFile(folder, table)).size,
    0,
  );
  return { folder, scaleFactor, bytes };
}

/** Reads every file, so that no engine pays for a cold disk. */
export function readTpchData({ folder }: TpchData): void {
  const buffer = Buffer.alloc(READ_BYTES);
  for (const table of TPCH_TABLES) {
    const file = openSync(tableFile(folder, table), "r");
    while (readSync(file, buffer) > 0);
    closeSync(file);
  }
}

async function pythonWithDuckDb(): Promise<string> {
  const home = join(cacheFolder(), `tpch-python-${VERSION}`);
  const python = join(home, "bin", "python");
  const marker = join(home, "complete");
  if (existsSync(marker)) return python;
  progress(`installing DuckDB ${VERSION} and its extension tpch with pip`);
  rmSync(home, { recursive: true, force: true });
  await run("python3", ["-m", "venv", home]);
  const packages = ["duckdb", "duckdb-extension-tpch"].map((name) => `${name}==${VERSION}`);
  await run(python, ["-m", "pip", "install", "--quiet", ...packages]);
  mkdirSync(marker);
  return python;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let tail = "";
  child.stderr.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-600);
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : `exit status ${code}: ${tail}`));
  });
  if (failure !== undefined) throw benchErrors.DATA_MISSING({ reason: `${command}: ${failure}` });
}
