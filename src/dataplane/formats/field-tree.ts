/**
 * The columns that a decoder must fill: a table's fields as a tree, with the columns that the output asks for.
 *
 * Flow:    DecoderContext (table, projection, output) → here → the kernels' tables of json and csv.
 * Shapes:  a node asked for twice has one column; `outputs` names a column for every physical column of the output.
 */
import { assert } from "../../foundation/base/errors.ts";
import {
  type LogicalType,
  PHYSICAL_WIDTH,
  physicalOf,
} from "../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../foundation/columnar/schema.ts";

export interface FieldNode {
  readonly id: number;
  readonly name: string;
  /** Names from the root. */
  readonly path: readonly string[];
  readonly type: LogicalType;
  readonly children: readonly FieldNode[];
  /** Index into FieldTree.columns, -1 when its own value is not asked for. */
  column: number;
  /** It or something within it is asked for. */
  wanted: boolean;
}

export interface FieldTree {
  readonly roots: readonly FieldNode[];
  /** All nodes by id. */
  readonly nodes: readonly FieldNode[];
  /** Bytes per value of each column to fill. */
  readonly columns: readonly { readonly width: number; readonly node: FieldNode }[];
  /** For every physical column of the output the column that fills it. */
  readonly outputs: readonly number[];
}

export function buildFieldTree(
  table: Schema,
  projection: readonly (readonly number[])[],
  output: Schema,
): FieldTree {
  const nodes: FieldNode[] = [];
  const roots = table.fields.map((field) => makeNode(field.name, field.type, [], nodes));
  const columns: { width: number; node: FieldNode }[] = [];
  const outputs: number[] = [];
  const want = (node: FieldNode): void => {
    if (node.column < 0) {
      node.column = columns.length;
      columns.push({ width: PHYSICAL_WIDTH[physicalOf(node.type)], node });
    }
    outputs.push(node.column);
    for (const child of node.children) want(child);
  };
  for (const path of projection) {
    let node = roots[path[0] ?? -1];
    for (const index of path.slice(1)) node = node?.children[index];
    assert(node !== undefined, `projection [${path.join(", ")}] is no field of the table`);
    want(node);
  }
  assert(
    outputs.length === physicalColumns(output).length,
    "the projection does not fill the output's columns",
  );
  for (const node of roots) markWanted(node);
  return { roots, nodes, columns, outputs };
}

function makeNode(
  name: string,
  type: LogicalType,
  parents: readonly string[],
  nodes: FieldNode[],
): FieldNode {
  const path = [...parents, name];
  const children: FieldNode[] = [];
  const node = { id: nodes.length, name, path, type, children, column: -1, wanted: false };
  nodes.push(node);
  if (type.kind === "ROW" || type.kind === "STRUCTURED")
    for (const field of type.fields) children.push(makeNode(field.name, field.type, path, nodes));
  return node;
}

function markWanted(node: FieldNode): boolean {
  let wanted = node.column >= 0;
  for (const child of node.children) if (markWanted(child)) wanted = true;
  node.wanted = wanted;
  return wanted;
}
