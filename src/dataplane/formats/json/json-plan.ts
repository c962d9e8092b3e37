/**
 * Compiles a field tree into the table that the kernels jsonDecode and jsonEncode walk; layouts in kernels/json.as.ts.
 *
 * Flow:    json-decoder.ts, at creation → here → kernel.
 * Errors:  MR3102 a column of a type that JSON lines do not carry yet.
 */
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { formatErrors } from "../errors.ts";
import type { FieldNode, FieldTree } from "../field-tree.ts";
import { BAD_RECORD_BYTES, PLAN_BAD_LIST } from "../record-plan.ts";
import { scalarKind } from "../scalar-kind.ts";
import { allocateFixed, MemoryWriter } from "../memory-writer.ts";
import { MAX_BAD_RECORDS } from "../error-mode.ts";

const HEADER_BYTES = 64;
const COLUMN_BYTES = 16;
const OBJECT_BYTES = 16;
const FIELD_BYTES = 96;
const KIND_SKIP = 0;
const KIND_ROW = 18;

/** How a type is read and written; undefined when it is not. */
export function jsonKind(type: LogicalType): number | undefined {
  return type.kind === "ROW" ? KIND_ROW : scalarKind(type);
}

export function checkJsonType(path: readonly string[], type: LogicalType): void {
  if (jsonKind(type) === undefined)
    throw formatErrors.TYPE_UNSUPPORTED({
      column: path.join("."),
      format: "json",
      type: typeToString(type),
    });
  if (type.kind === "ROW")
    for (const field of type.fields) checkJsonType([...path, field.name], field.type);
}

/** Returns the plan's address. */
export function writeJsonPlan(
  runtime: WorkerRuntime,
  tree: FieldTree,
  flags: number,
  maxRows: number,
): number {
  return new PlanWriter(runtime, tree).write(flags, maxRows);
}

class PlanWriter {
  readonly #tree: FieldTree;
  readonly #writer: MemoryWriter;
  /** Every object, undefined for the root. */
  readonly #objects: readonly (FieldNode | undefined)[];
  readonly #plan: number;
  readonly #keys: readonly Uint8Array[];
  readonly #patterns: readonly Uint8Array[];
  #next: number;

  constructor(runtime: WorkerRuntime, tree: FieldTree) {
    this.#tree = tree;
    this.#writer = new MemoryWriter(runtime.memory);
    this.#objects = [undefined, ...tree.nodes.filter((node) => node.children.length > 0)];
    this.#keys = tree.nodes.map(({ name }) => new TextEncoder().encode(name));
    this.#patterns = tree.nodes.map(({ name }) => keyPattern(name));
    const texts = [...this.#keys, ...this.#patterns];
    this.#plan = allocateFixed(
      runtime,
      HEADER_BYTES +
        tree.columns.length * COLUMN_BYTES +
        this.#objects.length * OBJECT_BYTES +
        tree.nodes.length * FIELD_BYTES +
        tree.outputs.length * 4 +
        MAX_BAD_RECORDS * BAD_RECORD_BYTES +
        texts.reduce((sum, text) => sum + text.length + 32, 64),
    );
    this.#next = this.#plan + HEADER_BYTES;
  }

  write(flags: number, maxRows: number): number {
    const tree = this.#tree;
    const writer = this.#writer;
    const columns = this.#take(tree.columns.length * COLUMN_BYTES);
    tree.columns.forEach(({ width }, i) => {
      writer.u32(columns + i * COLUMN_BYTES, width);
    });
    const objects = this.#take(this.#objects.length * OBJECT_BYTES);
    const fields = this.#take(tree.nodes.length * FIELD_BYTES);
    const addresses = layOutFields(tree, fields);
    this.#objects.forEach((node, i) => {
      const children = node === undefined ? tree.roots : node.children;
      const first = children[0] === undefined ? 0 : addresses[children[0].id]!;
      writer.words(objects + i * OBJECT_BYTES, [children.length, first]);
      children.forEach((child, k) => {
        const following = children[k + 1] ?? children[0]!;
        const object = objects + Math.max(0, this.#objects.indexOf(child)) * OBJECT_BYTES;
        this.#writeField(child, addresses[child.id]!, addresses[following.id]!, object);
      });
    });
    const outputs = this.#take(tree.outputs.length * 4);
    writer.words(outputs, tree.outputs);
    const bad = this.#take(MAX_BAD_RECORDS * BAD_RECORD_BYTES);
    const counts = [tree.columns.length, columns, tree.outputs.length, outputs];
    writer.words(this.#plan, [objects, ...counts, flags, fields, tree.nodes.length, maxRows]);
    writer.words(this.#plan + PLAN_BAD_LIST, [bad, MAX_BAD_RECORDS]);
    return this.#plan;
  }

  #writeField(node: FieldNode, field: number, following: number, object: number): void {
    const writer = this.#writer;
    const { type } = node;
    const pattern = this.#patterns[node.id]!;
    const patternAt = this.#take(pattern.length + 16);
    writer.bytes(patternAt, pattern);
    const key = this.#keys[node.id]!;
    const keyAt = this.#take(key.length);
    writer.bytes(keyAt, key);
    const kind = node.wanted ? jsonKind(type)! : KIND_SKIP;
    const column = node.column >>> 0;
    const precision = "precision" in type ? type.precision : 0;
    const scale = "scale" in type ? type.scale : 0;
    writer.words(field, [kind, pattern.length, patternAt, following, 0, 0, column, precision]);
    writer.words(field + 32, [scale, object, keyAt, key.length, 0, node.id]);
    writer.bytes(field + 64, pattern.subarray(0, 16));
    writer.bytes(field + 80, new Uint8Array(Math.min(pattern.length, 16)).fill(255));
  }

  #take(bytes: number): number {
    const address = this.#next;
    this.#next = (address + bytes + 15) & ~15;
    return address;
  }
}

/** Addresses by node id: the fields of one object lie side by side. */
function layOutFields(tree: FieldTree, base: number): number[] {
  const addresses: number[] = [];
  let next = base;
  const place = (nodes: readonly FieldNode[]): void => {
    for (const node of nodes) {
      addresses[node.id] = next;
      next += FIELD_BYTES;
    }
    for (const node of nodes) place(node.children);
  };
  place(tree.roots);
  return addresses;
}

/** `"key":` as it usually stands in a file; empty when the key would be escaped. */
function keyPattern(name: string): Uint8Array {
  const quoted = JSON.stringify(name);
  return quoted === `"${name}"` ? new TextEncoder().encode(`${quoted}:`) : new Uint8Array(0);
}
