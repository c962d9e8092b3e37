/**
 * `FROM savepoint('path').operator`: the state of an operator in a checkpoint or savepoint as a table. Its columns come out of the
 * manifest when the query is planned; its rows are written to a temporary file right before the query runs.
 *
 * Flow:    parser (`savepoint:path#operator#map`) → sqlHost → here → filesystem connector. EXPLAIN reads no state.
 * Values:  as JSON has them; BYTES and nested types come as text.
 * Errors:  MR4265 no such state, those of a manifest; MR1013 the file cannot be read.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CheckpointMetadata } from "../dataplane/runtime/master/checkpoint-metadata.ts";
import { findState, readStateRows } from "../dataplane/runtime/savepoint/read-rows.ts";
import { readManifest } from "../dataplane/state/checkpoint-store.ts";
import { type LogicalType, physicalOf, types } from "../foundation/columnar/logical-type.ts";
import type { InlineTable } from "../language/sql/script/session-types.ts";
import { engineParts } from "./engine.ts";
import { cliErrors } from "./errors.ts";
import { fileReason } from "./file-reason.ts";

const PREFIX = "savepoint:";
const ROWS_AT_ONCE = 1000;

let folder: string | undefined;
const waiting = new Map<string, () => Promise<void>>();

/** The table that a name of this form means; undefined for other names. */
export function savepointTable(name: string): InlineTable | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const [given = "", operator = "", map] = name.slice(PREFIX.length).split("#");
  const path = resolve(given);
  const asked = { path, operator, ...(map === undefined ? {} : { map }) };
  const { columns } = findState(manifestOf(path), asked);
  folder ??= temporary();
  const file = join(folder, `${waiting.size}.jsonl`);
  waiting.set(file, async () => {
    const { env, kernelsModule } = engineParts({});
    const table = await readStateRows({ env, kernelsModule, ...asked });
    let lines = "";
    let rows = 0;
    for await (const row of table.rows()) {
      const entries = table.columns.map(({ name: column }, i) => [column, row[i]] as const);
      lines += `${JSON.stringify(Object.fromEntries(entries))}\n`;
      if (++rows % ROWS_AT_ONCE !== 0) continue;
      await appendFile(file, lines);
      lines = "";
    }
    await appendFile(file, lines);
  });
  return {
    fields: columns.map(({ name: column, type }) => ({ name: column, type: readable(type) })),
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
