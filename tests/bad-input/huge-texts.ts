/**
 * Texts of 100 MB through files of JSON and CSV, the state of operators, and file sinks: what is read back is equal, the memory
 * is bounded, and a text beyond what a record may be is an error that names the file and the line.
 *
 * Run:     node tests/bad-input/huge-texts.ts [--megabytes 100] [--beyond 1024] [--only csv]
 * Out:     a line for each format and operator, each in a process of its own: its peak of resident memory, and how many times
 *          the text that is.
 * Exit:    1 when an answer is wrong, or the peak is above BASE_MB and MOST_TIMES the text (REFUSED_MB for one
 *          that is refused).
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toMillraceError } from "../../src/foundation/base/errors.ts";
import { commandLine } from "../../testkit/command-line.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";

const MB = 1_000_000;
const BASE_MB = 400;
const MOST_TIMES = 10;
/** A record that is refused has been read up to its limit, whatever its length. */
const REFUSED_MB = 1000;
const FORMATS = ["json", "csv"] as const;
type Format = (typeof FORMATS)[number];

/** Each gives the rows of t again, some operator's state between. */
const OPERATORS: Readonly<Record<string, string>> = {
  none: "SELECT id, s FROM t",
  "GROUP BY": "SELECT MAX(id), s FROM t GROUP BY s",
  MAX: "SELECT id, MAX(s) FROM t GROUP BY id",
  JOIN: "SELECT a.id, b.s FROM t a JOIN t b ON a.id = b.id",
  OVER: "SELECT id, FIRST_VALUE(s) OVER (PARTITION BY id ORDER BY s) FROM t",
  "Top-N":
    "SELECT id, s FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY s DESC) AS n FROM t) WHERE n <= 5",
};

/** Rows 1 to 3, of which the second has the long text; returns its hash. */
function write(path: string, format: Format, bytes: number): string {
  const file = openSync(path, "w");
  const hash = createHash("md5");
  const part = Buffer.alloc(MB, "abcdefghij");
  const [open, close] = format === "json" ? ['"', '"}\n'] : ["", "\n"];
  for (const id of [1, 2, 3]) {
    writeSync(file, (format === "json" ? `{"id":${id},"s":` : `${id},`) + open);
    if (id !== 2) writeSync(file, `short ${id}`);
    for (let left = bytes; id === 2 && left > 0; left -= part.length) {
      writeSync(file, part);
      hash.update(part);
    }
    writeSync(file, close);
  }
  closeSync(file);
  return hash.digest("hex");
}

const table = (name: string, path: string, format: Format) =>
  `CREATE TABLE ${name} (id BIGINT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = '${format}')`;

/** Batch mode, so that a file sink takes what the operators give. */
async function roundTrip(format: Format, operator: string, bytes: number): Promise<void> {
  const folder = temporaryFolder("huge-texts");
  const [source, out] = [join(folder, `rows.${format}`), join(folder, "out")];
  const hash = write(source, format, bytes);
  const engine = new Engine({ batch: true });
  engine.execute(table("t", source, format));
  engine.execute(table("o", out, format));
  await engine.run(engine.execute(`INSERT INTO o ${OPERATORS[operator]!}`));
  const back = await engine.query("SELECT id, CHAR_LENGTH(s), MD5(s) FROM o");
  const rows = back.rows.map(({ values }) => values.map(String)).sort();
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  assert.deepEqual(rows, [
    ["1", "7", md5("short 1")],
    ["2", String(bytes), hash],
    ["3", "7", md5("short 3")],
  ]);
}

async function beyond(format: Format, bytes: number): Promise<void> {
  const path = join(temporaryFolder("huge-texts"), `beyond.${format}`);
  write(path, format, bytes);
  const engine = new Engine({ batch: true });
  engine.execute(table("t", path, format));
  await assert.rejects(engine.query("SELECT id, CHAR_LENGTH(s) FROM t"), (error) => {
    const { code, place } = toMillraceError(error);
    assert.equal(code, "MR3006");
    assert.match(place.source ?? "", new RegExp(`beyond\\.${format}, line 2$`));
    return true;
  });
}

const { values } = commandLine({
  usage: "node tests/bad-input/huge-texts.ts [--megabytes 100] [--beyond 1024] [--only csv]",
  config: {
    options: {
      megabytes: { type: "string", default: "100" },
      beyond: { type: "string", default: "1024" },
      only: { type: "string", default: "" },
      /** One format and operator, in this process. */
      one: { type: "string", default: "" },
    },
  },
  numbers: ["megabytes", "beyond"],
});
const [megabytes, far] = [Number(values.megabytes), Number(values.beyond)];

if (values.one !== "") {
  const [format, operator] = JSON.parse(values.one) as [Format, string];
  if (operator === "beyond") await beyond(format, far * MB);
  else await roundTrip(format, operator, megabytes * MB);
  console.log(process.resourceUsage().maxRSS * 1024);
} else
  for (const format of FORMATS)
    for (const operator of [...Object.keys(OPERATORS), "beyond"]) {
      const name = `${format} ${operator}`;
      if (name.includes(values.only)) measure(name, [format, operator]);
    }

function measure(name: string, one: readonly [Format, string]): void {
  const file = fileURLToPath(import.meta.url);
  const sizes = ["--megabytes", values.megabytes, "--beyond", values.beyond];
  const run = spawnSync(process.execPath, [file, ...sizes, "--one", JSON.stringify(one)], {
    encoding: "utf8",
  });
  const peakMb = Number(run.stdout) / MB;
  const most = BASE_MB + (one[1] === "beyond" ? REFUSED_MB : MOST_TIMES * megabytes);
  const failed = run.status !== 0;
  if (failed || peakMb > most) process.exitCode = 1;
  const times = (peakMb / megabytes).toFixed(1);
  console.log(
    failed
      ? `${name.padEnd(16)} ${run.signal ?? ""} ${run.stderr.slice(0, 1500)}`
      : `${name.padEnd(16)} ${peakMb.toFixed(0)} MB, × ${times}${peakMb > most ? `, above ${most} MB` : ""}`,
  );
}
