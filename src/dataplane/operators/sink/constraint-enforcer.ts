/**
 * ConstraintEnforcer: what a sink's types promise of nested and bounded values, checked row by row.
 *
 * Flow:    Sink → here when `table.exec.sink.type-length-enforcer` or `table.exec.sink.nested-constraint-enforcer` asks.
 *          NOT NULL of top-level columns is the Sink's own, faster test.
 * Checks:  lengths of CHAR, VARCHAR, BINARY, VARBINARY: TRIM_PAD writes them anew, ERROR throws; NOT NULL within rows, and
 *          with ROWS_AND_COLLECTIONS also within arrays and maps. What lies within a NULL is not looked at.
 * Names:   a.b for a field of a row, a[0] for an element, a[key] and a[value] for the parts of a map.
 * Errors:  MR4170 NULL for a NOT NULL part, MR4171 a length that does not fit.
 * Source:  Flink ConstraintEnforcer, NestedRowConstraint and its kin.
 */
import { isNested } from "../../../foundation/columnar/binary-value.ts";
import {
  BatchView,
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import {
  type LogicalType,
  MAX_LENGTH,
  typeToString,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import {
  physicalColumns,
  physicalIndex,
  type Schema,
} from "../../../foundation/columnar/schema.ts";
import { readField, type Value } from "../../../foundation/columnar/value-reader.ts";
import { decodeNested } from "../../../foundation/columnar/binary-value.ts";
import type { SinkNode } from "../../../foundation/plan/exec-node.ts";
import { ColumnWriter, MemoryView } from "../../codegen/column-access.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { operatorErrors } from "../errors.ts";

type Bounded = Extract<LogicalType, { kind: "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY" }>;

/** A physical column whose values have a length. */
interface BoundedColumn {
  readonly column: number;
  readonly path: string;
  readonly type: Bounded;
}

const isText = (type: LogicalType) => type.kind === "CHAR" || type.kind === "VARCHAR";
const isFixed = (type: LogicalType) => type.kind === "CHAR" || type.kind === "BINARY";

function isBounded(type: LogicalType): type is Bounded {
  const isBytes = type.kind === "BINARY" || type.kind === "VARBINARY";
  return (isText(type) || isBytes) && (type as Bounded).length !== MAX_LENGTH;
}

export class ConstraintEnforcer {
  readonly #node: SinkNode;
  readonly #runtime: WorkerRuntime;
  readonly #schema: Schema;
  readonly #view: BatchView;
  readonly #memory: MemoryView;
  readonly #trimmed: readonly BoundedColumn[];
  /** Top-level fields that are read value by value. */
  readonly #looked: readonly number[];

  /** `schema`: of the batches; its names and nullability are the sink table's. */
  constructor(node: SinkNode, runtime: WorkerRuntime, input: Schema) {
    this.#node = node;
    this.#runtime = runtime;
    const own = node.table.schema.fields;
    this.#schema = { fields: input.fields.map((field, i) => own[i] ?? field) };
    this.#view = new BatchView(runtime.memory);
    this.#memory = new MemoryView(runtime.memory);
    this.#trimmed = node.typeLengthEnforcer === "TRIM_PAD" ? this.#boundedColumns() : [];
    this.#looked = this.#schema.fields.flatMap(({ type }, i) => (this.#isLooked(type) ? [i] : []));
  }

  /** Marks rows that break NOT NULL in `bad` (DROP), or throws; the batch with lengths that fit. */
  enforce(batch: BatchPtr, rows: number, bad: (row: number) => void): BatchPtr {
    for (const field of this.#looked) {
      const { name, type } = this.#schema.fields[field]!;
      for (let row = 0; row < rows; row++) {
        const value = readField(this.#view, this.#schema, batch, row, field);
        if (!this.#fits(value, type, name, false)) bad(row);
      }
    }
    return this.#trimmed.length === 0 ? batch : this.#fitted(batch, rows);
  }

  #isLooked(type: LogicalType): boolean {
    const { typeLengthEnforcer: length, nestedConstraintEnforcer: nested } = this.#node;
    if (length === "ERROR" && isBounded(type)) return true;
    if (nested === undefined) return false;
    if (type.kind === "ROW" || type.kind === "STRUCTURED") return true;
    return nested === "ROWS_AND_COLLECTIONS" && isNested(type);
  }

  /** False when a NULL is where none may be and such rows are dropped. */
  #fits(value: Value, type: LogicalType, path: string, inside: boolean): boolean {
    const { notNullEnforcer, typeLengthEnforcer, nestedConstraintEnforcer } = this.#node;
    if (value === null) {
      if (type.nullable || !inside) return true;
      if (notNullEnforcer === "DROP") return false;
      throw operatorErrors.NOT_NULL_VIOLATED({ column: path, table: this.#node.table.name });
    }
    if (isBounded(type)) {
      if (typeLengthEnforcer === "ERROR") this.#checkLength(value, type, path);
      return true;
    }
    if (nestedConstraintEnforcer === undefined) return true;
    if (type.kind === "ROW" || type.kind === "STRUCTURED")
      return type.fields.every((field, i) =>
        this.#fits(
          (value as readonly Value[])[i] ?? null,
          field.type,
          `${path}.${field.name}`,
          true,
        ),
      );
    if (nestedConstraintEnforcer !== "ROWS_AND_COLLECTIONS" || !isNested(type)) return true;
    const parts =
      value instanceof Uint8Array ? decodeNested(value, type) : (value as readonly Value[]);
    if (type.kind === "ARRAY")
      return parts.every((part, i) => this.#fits(part, type.element, `${path}[${i}]`, true));
    const keyType = type.kind === "MAP" ? type.key : type.element;
    return (parts as readonly (readonly Value[])[]).every(
      ([key, part]) =>
        this.#fits(key ?? null, keyType, `${path}[key]`, true) &&
        (type.kind !== "MAP" || this.#fits(part ?? null, type.value, `${path}[value]`, true)),
    );
  }

  #checkLength(value: Exclude<Value, null>, type: Bounded, path: string): void {
    const length = typeof value === "string" ? [...value].length : (value as Uint8Array).length;
    if (length > type.length || (isFixed(type) && length < type.length))
      throw operatorErrors.TYPE_LENGTH_VIOLATED({
        column: path,
        type: typeToString(withNullable(type, true)),
        length,
      });
  }

  #boundedColumns(): BoundedColumn[] {
    const columns = physicalColumns(this.#schema);
    const found: BoundedColumn[] = [];
    const visit = (type: LogicalType, path: string, column: number): number => {
      if (isBounded(type)) found.push({ column, path, type });
      if (type.kind !== "ROW" && type.kind !== "STRUCTURED") return column + 1;
      const within = this.#node.nestedConstraintEnforcer !== undefined;
      return type.fields.reduce((next, field) => {
        const before = found.length;
        const after = visit(field.type, `${path}.${field.name}`, next);
        if (!within) found.length = before;
        return after;
      }, column + 1);
    };
    this.#schema.fields.forEach(({ name, type }, field) => {
      visit(type, name, physicalIndex(this.#schema, field));
    });
    return found.filter(({ column }) => column < columns.length);
  }

  /** The batch with bounded values cut and padded; columns where all fit are shared. */
  #fitted(batch: BatchPtr, rows: number): BatchPtr {
    for (const bounded of this.#trimmed) this.#fitColumn(batch, rows, bounded);
    return batch;
  }

  /** Puts a new column into the batch's descriptor, when a value does not fit. */
  #fitColumn(batch: BatchPtr, rows: number, { column, type }: BoundedColumn): void {
    let out: ColumnWriter | undefined;
    for (let row = 0; row < rows; row++) {
      if (this.#view.isNull(batch, column, row)) continue;
      const bytes = this.#view.bytes(this.#view.valuePtr(batch, column, row, 8));
      const fitting = fitted(bytes, type);
      if (fitting === undefined) continue;
      out ??= this.#copied(batch, column, rows, type);
      out.setBytes(row, fitting);
    }
    if (out === undefined) return;
    this.#memory.data.setUint32(columnPtr(batch, column) + COLUMN_VALIDITY, out.validity, true);
    this.#memory.data.setUint32(columnPtr(batch, column) + COLUMN_VALUES, out.values, true);
  }

  #copied(batch: BatchPtr, column: number, rows: number, type: Bounded): ColumnWriter {
    const out = new ColumnWriter(this.#runtime, this.#memory, type, rows);
    for (let row = 0; row < rows; row++) {
      if (this.#view.isNull(batch, column, row)) continue;
      const at = this.#view.valuePtr(batch, column, row, 8);
      out.setView(row, this.#memory.data.getBigUint64(at, true));
    }
    return out;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const BLANK = 0x20;

/** The value cut or padded; undefined when it fits as it is. */
function fitted(bytes: Uint8Array, type: Bounded): Uint8Array | undefined {
  const pad = (from: Uint8Array, count: number): Uint8Array => {
    const padded = new Uint8Array(from.length + count).fill(isText(type) ? BLANK : 0);
    padded.set(from);
    return padded;
  };
  if (!isText(type)) {
    if (bytes.length > type.length) return bytes.slice(0, type.length);
    return isFixed(type) && bytes.length < type.length
      ? pad(bytes, type.length - bytes.length)
      : undefined;
  }
  if (!isFixed(type) && bytes.length <= type.length) return undefined;
  const characters = [...decoder.decode(bytes)];
  if (characters.length > type.length)
    return encoder.encode(characters.slice(0, type.length).join(""));
  const missing = type.length - characters.length;
  return isFixed(type) && missing > 0 ? pad(bytes, missing) : undefined;
}
