/**
 * `FROM savepoint('path').operator`: the state of an operator in a checkpoint or savepoint as a table. Its columns come out of the
 * manifest when the query is planned; its rows are written to a temporary file right before the query runs. What a job of the
 * platform holds now, `savepoint(JOB 'name').operator`, is read before the statement is planned.
 *
 * Flow:    parser (`savepoint:path#operator#map`) → sqlHost → here → filesystem connector. EXPLAIN reads no state.
 * Values:  as JSON has them; BYTES and nested types come as text.
 * Errors:  MR1035 a job's state where nobody asked the platform for it; MR4265 no such state, those of a manifest; MR1013 the file cannot be read.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CheckpointMetadata } from "../dataplane/runtime/master/checkpoint-metadata.ts";
import { findState, readStateRows } from "../dataplane/runtime/savepoint/read-rows.ts";
import { readManifest } from "../dataplane/state/checkpoint-store.ts";
import {
  type LogicalType,
  physicalOf,
  type RowField,
  types,
} from "../foundation/columnar/logical-type.ts";
import type { StatementNode } from "../language/sql/parser/ast.ts";
import type { InlineTable } from "../language/sql/script/session-types.ts";
import type { StateRows } from "../controlplane/targets/target.ts";
import { engineParts } from "./engine.ts";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";
import type { PlatformClient } from "./platform-client.ts";

const PREFIX = "savepoint:";
const JOB = /^savepoint:JOB (.*?)#/;
const ROWS_AT_ONCE = 1000;

let folder: string | undefined;
let files = 0;
const waiting = new Map<string, () => Promise<void>>();
/** Tables of what running jobs hold, by name; each statement has them anew. */
const live = new Map<string, InlineTable>();

/** The table that a name of this form means; undefined for other names. */
export function savepointTable(name: string): InlineTable | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const [, job] = JOB.exec(name) ?? [];
  if (job !== undefined) {
    const read = live.get(name);
    if (read === undefined) throw cliErrors.STATE_OF_JOB({ name: job });
    return read;
  }
  const [given = "", operator = "", map] = name.slice(PREFIX.length).split("#");
  const path = resolve(given);
  const asked = { path, operator, ...(map === undefined ? {} : { map }) };
  const { columns } = findState(manifestOf(path), asked);
  const file = newFile();
  waiting.set(file, async () => {
    const { env, kernelsModule } = engineParts({});
    const table = await readStateRows({ env, kernelsModule, ...asked });
    await writeRows(file, table.columns, table.rows());
  });
  return tableOf(file, columns);
}

/** Reads what the running jobs hold that a statement asks for: `savepoint(JOB 'name').operator`. */
export async function readLiveState(
  statement: StatementNode,
  connect: () => Promise<PlatformClient>,
): Promise<void> {
  live.clear();
  for (const name of liveNames(statement)) {
    const [, job = "", operator = ""] = /^savepoint:JOB (.*?)#(.*)$/.exec(name) ?? [];
    const client = await connect();
    const id = await client.deploymentId(job);
    const what = encodeURIComponent(operator.replace("#", "."));
    const file = newFile();
    await appendFile(file, "");
    let columns: StateRows["columns"] = [];
    for await (const piece of client.stream<StateRows>(`/deployments/${id}/state/${what}`)) {
      columns = piece.columns;
      await writeRows(file, columns, piece.rows);
    }
    const fields = columns.map((column) => ({ name: column.name, type: column.logicalType }));
    live.set(name, tableOf(file, fields));
  }
}

function liveNames(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { kind, path } = node as { readonly kind?: unknown; readonly path?: unknown };
  if (kind === "fileTable" && typeof path === "string" && JOB.test(path)) return [path];
  return [...new Set(Object.values(node).flatMap(liveNames))];
}

async function writeRows(
  file: string,
  columns: readonly { readonly name: string }[],
  rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): Promise<void> {
  let lines = "";
  let count = 0;
  for await (const row of rows) {
    const entries = columns.map(({ name }, i) => [name, row[i]] as const);
    lines += `${JSON.stringify(Object.fromEntries(entries))}\n`;
    if (++count % ROWS_AT_ONCE !== 0) continue;
    await appendFile(file, lines);
    lines = "";
  }
  await appendFile(file, lines);
}

function newFile(): string {
  folder ??= temporary();
  return join(folder, `${files++}.jsonl`);
}

function tableOf(file: string, columns: readonly RowField[]): InlineTable {
  return {
    fields: columns.map(({ name, type }) => ({ name, type: readable(type) })),
    options: { connector: "filesystem", path: file, format: "json" },
  };
}

/** Reads the state that planned queries are about. */
export async function fillSavepointTables(): Promise<void> {
  for (const [file, fill] of waiting) {
    waiting.set(file, async () => undefined);
    await fill();
  }
}

function manifestOf(path: string): CheckpointMetadata {
  const file = `${path.replace(/\/_metadata$/, "")}/_metadata`;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw cliErrors.FILE_UNREADABLE({ path: file, reason: fileReason(cause) }, { cause });
  }
  return readManifest(bytes, file) as CheckpointMetadata;
}

function readable(type: LogicalType): LogicalType {
  const asText = type.kind === "BINARY" || type.kind === "VARBINARY" || physicalOf(type) === "row";
  return asText ? types.string() : type;
}

function temporary(): string {
  const made = mkdtempSync(join(tmpdir(), "millrace-state-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}
