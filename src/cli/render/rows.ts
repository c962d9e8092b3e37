/**
 * Row printers of `millrace sql`: table, changelog, ndjson, csv. All take batches of changes and write text.
 *
 * table      bounded results: one grid at the end (changes applied); unbounded: redrawn on a terminal
 * changelog  one line a change with its kind in front
 * ndjson     one object a line; the kind as "op" when the result can change
 * csv        RFC 4180 with a header; the kind as first column "op" when the result can change
 */
import type { Schema } from "../../foundation/columnar/schema.ts";
import { ROW_KIND_TEXT, RowKind, isAdd } from "../../foundation/columnar/row-kind.ts";

export type OutputFormat = "table" | "changelog" | "ndjson" | "csv";

export interface RowChange {
  readonly kind: RowKind;
  /** JSON-safe values. */
  readonly values: readonly unknown[];
  /** The same as SQL text; null stays null. */
  readonly text: readonly (string | null)[];
}

export interface ResultHead {
  readonly schema: Schema;
  readonly insertOnly: boolean;
  readonly upsertKey: readonly number[];
}

export interface RowPrinter {
  write(changes: readonly RowChange[]): void;
  end(): void;
}

export interface PrinterTarget {
  write(text: string): void;
  readonly columns: number;
  /** Widest cell of a grid; default MAX_WIDTH. */
  readonly maxWidth?: number | undefined;
}

/** Widest column of a grid; longer values are cut with an ellipsis. */
const MAX_WIDTH = 60;

export function createPrinter(
  format: OutputFormat,
  head: ResultHead,
  out: PrinterTarget,
): RowPrinter {
  if (format === "ndjson") return ndjsonPrinter(head, out);
  if (format === "csv") return csvPrinter(head, out);
  return format === "changelog" ? changelogPrinter(head, out) : tablePrinter(head, out);
}

function ndjsonPrinter(head: ResultHead, out: PrinterTarget): RowPrinter {
  const keys = head.schema.fields.map((field) => `${JSON.stringify(field.name)}:`);
  return {
    write: (changes) => {
      const lines = changes.map(({ kind, values }) => {
        const fields = keys.map((key, i) => `${key}${JSON.stringify(values[i]) ?? "null"}`);
        if (!head.insertOnly) fields.unshift(`"op":"${ROW_KIND_TEXT[kind]}"`);
        return `{${fields.join(",")}}`;
      });
      if (lines.length > 0) out.write(`${lines.join("\n")}\n`);
    },
    end: () => undefined,
  };
}

function csvPrinter(head: ResultHead, out: PrinterTarget): RowPrinter {
  const header = head.schema.fields.map((field) => quoteCsv(field.name));
  out.write(`${[...(head.insertOnly ? [] : ["op"]), ...header].join(",")}\n`);
  return {
    write: (changes) => {
      for (const { kind, text } of changes) {
        const cells = text.map((value) => (value === null ? "" : quoteCsv(value)));
        const op = head.insertOnly ? [] : [ROW_KIND_TEXT[kind]];
        out.write(`${[...op, ...cells].join(",")}\n`);
      }
    },
    end: () => undefined,
  };
}

function quoteCsv(text: string): string {
  return /[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
}

function changelogPrinter(head: ResultHead, out: PrinterTarget): RowPrinter {
  out.write(`op  ${head.schema.fields.map((field) => printable(field.name)).join(" | ")}\n`);
  return {
    write: (changes) => {
      for (const { kind, text } of changes) {
        out.write(
          `${ROW_KIND_TEXT[kind]}  ${text.map((value) => printable(value ?? "NULL")).join(" | ")}\n`,
        );
      }
    },
    end: () => undefined,
  };
}

function tablePrinter(head: ResultHead, out: PrinterTarget): RowPrinter {
  const contents = new MaterializedRows(head.upsertKey);
  return {
    write: (changes) => contents.apply(changes),
    end: () => out.write(renderGrid(head.schema, contents.rows(), out.maxWidth)),
  };
}

/** The present contents of a changing result, in order of first arrival. */
export class MaterializedRows {
  readonly #upsertKey: readonly number[];
  readonly #rows = new Map<string, { row: RowChange; count: number }>();

  constructor(upsertKey: readonly number[]) {
    this.#upsertKey = upsertKey;
  }

  apply(changes: readonly RowChange[]): void {
    for (const change of changes) {
      const key = this.#key(change);
      const known = this.#rows.get(key);
      if (this.#upsertKey.length > 0) {
        if (isAdd(change.kind)) this.#rows.set(key, { row: change, count: 1 });
        else if (change.kind === RowKind.DELETE) this.#rows.delete(key);
      } else if (isAdd(change.kind)) {
        this.#rows.set(key, { row: change, count: (known?.count ?? 0) + 1 });
      } else if (known !== undefined) {
        known.count--;
        if (known.count === 0) this.#rows.delete(key);
      }
    }
  }

  rows(): RowChange[] {
    return [...this.#rows.values()].flatMap(({ row, count }) => Array<RowChange>(count).fill(row));
  }

  #key(change: RowChange): string {
    const cells =
      this.#upsertKey.length > 0 ? this.#upsertKey.map((i) => change.text[i]) : change.text;
    return JSON.stringify(cells);
  }
}

export function renderGrid(
  schema: Schema,
  rows: readonly RowChange[],
  maxWidth: number = MAX_WIDTH,
): string {
  const cut = (text: string) => shortened(text, maxWidth);
  const names = schema.fields.map((field) => cut(printable(field.name)));
  const numeric = schema.fields.map(({ type }) => NUMERIC.has(type.kind));
  const cells = rows.map(({ text }) => text.map((value) => cut(printable(value ?? "NULL"))));
  const widths = names.map((name, i) =>
    Math.max(displayWidth(name), ...cells.map((row) => displayWidth(row[i] ?? ""))),
  );
  const line = (row: readonly string[]) =>
    ` ${row.map((text, i) => padCell(text, widths[i]!, numeric[i]!)).join(" │ ")} `.trimEnd();
  const rule = `─${widths.map((width) => "─".repeat(width)).join("─┼─")}─`;
  const count = rows.length === 1 ? "1 row" : `${rows.length} rows`;
  return `${[line(names), rule, ...cells.map(line), `${count}`].join("\n")}\n`;
}

const NUMERIC: ReadonlySet<string> = new Set([
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "DECIMAL",
]);

function padCell(text: string, width: number, right: boolean): string {
  const fill = " ".repeat(Math.max(0, width - displayWidth(text)));
  return right ? fill + text : text + fill;
}

/** Control characters would move the cursor: they are shown as escapes. */
function printable(text: string): string {
  return text.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

function shortened(text: string, maxWidth: number): string {
  if (text.length <= maxWidth) return text;
  return `${[...text].slice(0, maxWidth - 1).join("")}…`;
}

/** Columns on a terminal: East Asian wide characters take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += WIDE.test(char) ? 2 : 1;
  return width;
}
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;
