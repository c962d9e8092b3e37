/**
 * statements.jsonl: scripts of the SQL Client and the SQL Gateway, statement by statement with what they print. One session a
 * file; a case runs what stands before it in its file, if that has not run yet.
 *
 * Compared: trailing blanks, ids and `[n]` of operators aside. `java-exception`: the message behind the class name must be in
 *           ours; `parser-tokens`: its first line. What depends on plans, help texts, jars or test catalogs is not judged.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cancelRunning, Engine } from "../engine.ts";
import { printStatement, type Printer } from "../statement-printer.ts";
import {
  type ConformanceCase,
  errorText,
  failed,
  jsonLines,
  type Outcome,
  passed,
  type Suite,
  uniqueIds,
} from "../suite.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

interface StatementRecord {
  readonly file: string;
  readonly line: number;
  readonly sql: string;
  readonly output: string;
  readonly tag: string;
  readonly depends?: readonly string[];
}

const JUDGED = new Set(["row-order", "java-exception", "parser-tokens"]);
/** A script may have to catch up with all its earlier statements. */
const LIMIT_MS = 30_000;
const STATEMENT_LIMIT_MS = 1500;
const LATE = `[ERROR] no answer within ${STATEMENT_LIMIT_MS / 1000} s`;

export const statementsSuite: Suite = {
  file: "statements.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    const scripts = new Map<string, Script>();
    return jsonLines<StatementRecord>(text).map((record): ConformanceCase => {
      const script = scripts.get(record.file) ?? new Script(record.file);
      scripts.set(record.file, script);
      const index = script.add(record);
      const unjudged = (record.depends ?? []).filter((what) => !JUDGED.has(what));
      const [name, tool] = [record.file.split("/").at(-1) ?? "", script.printer];
      return {
        id: idOf(`${tool} ${name}:${record.line}`),
        text: record.sql,
        limitMs: LIMIT_MS,
        ...(unjudged.length === 0 ? {} : { notRun: `depends on ${unjudged.join(", ")}` }),
        run: async () => judge(record, await script.outputOf(index)),
      };
    });
  },
};

class Script {
  readonly printer: Printer;
  readonly #records: StatementRecord[] = [];
  readonly #outputs: string[] = [];
  readonly #folder = temporaryFolder("statements");
  readonly #engine = new Engine({
    config: {
      "table.exec.legacy-cast-behaviour": "DISABLED",
      "table.local-time-zone": "Asia/Shanghai",
    },
  });

  constructor(file: string) {
    this.printer = file.includes("gateway") ? "gateway" : "client";
  }

  add(record: StatementRecord): number {
    return this.#records.push(record) - 1;
  }

  async outputOf(index: number): Promise<string> {
    for (let i = this.#outputs.length; i <= index; i++)
      this.#outputs.push(await this.#run(this.#records[i]!));
    return this.#outputs[index]!;
  }

  /** As the tests of Flink: tables' folders are there; a relative path of plans is the same folder. */
  #path(name: string): string {
    const path = join(this.#folder, name.slice(1).replace("_RELATIVE", ""));
    mkdirSync(path, { recursive: true });
    return path;
  }

  async #run({ sql }: StatementRecord): Promise<string> {
    const text = sql.replaceAll(/\$VAR_\w+_PATH\d*/g, (name) => this.#path(name));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(LATE), STATEMENT_LIMIT_MS);
    });
    try {
      return await Promise.race([printStatement(this.#engine, text, this.printer), late]);
    } catch (error) {
      return `[ERROR] ${errorText(error)}`;
    } finally {
      clearTimeout(timer);
      cancelRunning();
    }
  }
}

function judge(record: StatementRecord, got: string): Outcome {
  const { output, depends = [] } = record;
  const wanted = normal(output);
  const own = normal(got);
  if (depends.includes("java-exception") || depends.includes("parser-tokens")) {
    const message = messageOf(wanted, depends.includes("parser-tokens"));
    const isError = got.startsWith("[ERROR]");
    // The gateway's recorder has lost the lines of its statements: all are 0.
    const lost = message.includes("at line 0,");
    const told = lost ? own.replaceAll(/at line \d+,/g, "at line 0,") : own;
    const right = isError && flat(told).includes(flat(message));
    return right ? passed : failed(message, own);
  }
  if (depends.includes("row-order"))
    return sorted(wanted) === sorted(own) ? passed : failed(wanted, own);
  return wanted === own ? passed : failed(wanted, own);
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function sorted(text: string): string {
  return text.split("\n").sort().join("\n");
}

/** What follows the name of the exception's class. */
function messageOf(output: string, firstLine: boolean): string {
  const match = /[\w.$]+(?:Exception|Error): ([\s\S]*)$/.exec(output);
  const message = match?.[1] ?? output;
  return firstLine ? (message.split("\n")[0] ?? "") : message;
}

function normal(text: string): string {
  return text
    .replaceAll(/Job ID:.*/g, "Job ID:")
    .replaceAll(/"id" : \d+/g, '"id" : 0')
    .replaceAll(/\[\d+\]/g, "[]")
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();
}
