/** Tables of itcases.jsonl as CREATE TABLE statements of the values connector, with their rows. */
import { baseErrors } from "../../../src/foundation/base/errors.ts";
import type { ValuesEvent } from "../../values/values-store.ts";
import type { TypedJson } from "../typed-json.ts";

export interface InputTable {
  readonly name: string;
  /** A column such as `rowtime.rowtime` or `p.proctime` is a time attribute. */
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly TypedJson[];
  readonly watermarkScala?: string;
}

interface Assigner {
  /** Index of the field that holds the event time. */
  readonly field: number;
  /** Milliseconds that the watermark is behind the event time after every row; undefined: only at the end. */
  readonly behindMs: number | undefined;
}

const ATTRIBUTE = /^(\w+)\.(rowtime|proctime)(?:\(\))?$/;

export function declareTable(
  table: InputTable,
  bounded: boolean,
): { readonly statement: string; readonly events: readonly ValuesEvent[] } {
  const attributes = table.columns.filter((column) => ATTRIBUTE.test(column)).length;
  const inPlace = table.types.length + attributes > table.columns.length;
  const assigner = assignerOf(table.watermarkScala);
  const parts: string[] = [];
  let type = 0;
  let appended = false;
  for (const column of table.columns) {
    const match = ATTRIBUTE.exec(column);
    if (match === null) parts.push(`\`${column}\` ${sqlType(table.types[type++] ?? "INT")}`);
    else if (match[2] === "proctime") parts.push(`\`${match[1]}\` AS PROCTIME()`);
    else {
      const replaces = inPlace && type < table.types.length;
      if (replaces) type++;
      else appended = true;
      parts.push(`\`${match[1]}\` TIMESTAMP(3)`);
      parts.push(`WATERMARK FOR \`${match[1]}\` AS ${watermark(match[1]!, assigner.behindMs)}`);
    }
  }
  const told = appended && table.rows.some(isWatermark);
  if (told) tellWatermarks(parts);
  const options = `'connector' = 'values', 'bounded' = '${bounded}', 'disable-lookup' = 'true'`;
  const timed = toEvents(table.rows).map((event) =>
    appended && "row" in event ? withTime(event, assigner) : event,
  );
  const events = told ? withWatermarks(timed) : timed;
  const statement = `CREATE TABLE \`${table.name}\` (${parts.join(", ")}) WITH (${options})`;
  return { statement, events };
}

/** The column of the watermark that comes behind a row: the table's own stand in its data. */
const TOLD = "watermark_behind";

function isWatermark(row: TypedJson): boolean {
  return typeof row === "object" && row !== null && "watermark" in row;
}

/** Takes the place of the last part, WATERMARK FOR. */
function tellWatermarks(parts: string[]): void {
  const own = parts.findIndex((part) => part.startsWith("WATERMARK FOR"));
  parts[own] = parts[own]!.replace(/ AS .*$/, ` AS \`${TOLD}\``);
  parts.splice(own, 0, `\`${TOLD}\` TIMESTAMP(3)`);
}

function withWatermarks(events: readonly ValuesEvent[]): ValuesEvent[] {
  return events.flatMap((event, i) => {
    if ("watermark" in event) return [];
    const next = events[i + 1];
    const behind = next !== undefined && "watermark" in next ? next.watermark : null;
    return [{ ...event, row: [...event.row, behind] }];
  });
}

function watermark(column: string, behindMs: number | undefined): string {
  if (behindMs === undefined) return `\`${column}\` - INTERVAL '3650' DAY(4)`;
  return `\`${column}\` - INTERVAL '${(behindMs / 1000).toFixed(3)}' SECOND`;
}

function withTime(
  event: Extract<ValuesEvent, { row: unknown }> & { readonly ts?: number },
  { field }: Assigner,
): ValuesEvent {
  return { ...event, row: [...event.row, event.ts ?? event.row[field] ?? null] };
}

function assignerOf(scala: string | undefined): Assigner {
  if (scala === undefined) return { field: 0, behindMs: undefined };
  if (scala.includes("Row3WatermarkExtractor2")) return { field: 2, behindMs: 1 };
  if (scala.includes("Row4WatermarkExtractor")) return { field: 3, behindMs: 1 };
  if (scala.includes("RowtimeExtractor")) return { field: 1, behindMs: undefined };
  const offset = /WithOffset.*\((\d+)L?\)/.exec(scala);
  if (offset !== null) return { field: 0, behindMs: Number(offset[1]) };
  throw baseErrors.UNSUPPORTED({ what: `assigner ${scala}`, remedy: "Leave the record out." });
}

/** Rows of the data as events: {row, kind?, ts?}, {watermark}, or a bare value for a table of one column. */
export function toEvents(rows: readonly TypedJson[]): (ValuesEvent & { readonly ts?: number })[] {
  return rows.map((row) =>
    typeof row === "object" && row !== null && !Array.isArray(row)
      ? (row as unknown as ValuesEvent)
      : { row: [row] },
  );
}

/** Flink's type information as SQL. */
function sqlType(type: string): string {
  if (!type.startsWith("scala:")) return type;
  return typeInformation(type.slice("scala:".length).replaceAll(/\s+/g, ""));
}

function typeInformation(text: string): string {
  const simple = /^Types\.(\w+)$/.exec(text);
  if (simple !== null) return simple[1] === "LONG" ? "BIGINT" : simple[1]!;
  const call = /^(?:new)?([\w.]+?)\((.*)\)$/.exec(text);
  const args = call === null ? [] : splitArguments(call[2]!);
  switch (call?.[1]) {
    case "Types.MAP":
      return `MAP<${args.map(typeInformation).join(", ")}>`;
    case "Types.OBJECT_ARRAY":
      return `ARRAY<${typeInformation(args[0]!)}>`;
    case "Types.PRIMITIVE_ARRAY":
      return `ARRAY<${typeInformation(args[0]!)} NOT NULL>`;
    case "ObjectArrayTypeInfo.getInfoFor":
      return `ARRAY<${typeInformation(args[1]!)}>`;
    case "RowTypeInfo":
      return `ROW<${args.map((arg, i) => `f${i} ${typeInformation(arg)}`).join(", ")}>`;
    default:
      throw baseErrors.UNSUPPORTED({ what: `type ${text}`, remedy: "Leave the record out." });
  }
}

function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === "(" || char === "[") depth++;
    else if (char === ")" || char === "]") depth--;
    else if ((char === "," && depth === 0) || i === text.length) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return parts;
}
