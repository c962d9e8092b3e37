/**
 * OperatorIdentity: what an operator of a plan is, apart from its number: the name under which its state is found again.
 *
 * Flow:    exec-plan-builder → withOperatorUids → plan; checkpoint manifest ← identitiesOf (kept beside the state).
 * Lineage: every field of every node as text over the columns of tables: `orders.amount`, `SUM(orders.amount)`. What only
 *          passes rows on (Calc, WatermarkAssigner, …) leaves no trace, so that a filter or a column that is added changes
 *          no text but its own.
 * Role:    type, keys and the relations that the rows come from; not the aggregates, the window or the projection.
 * Uid:     `<type>_<digest of role and first sink>`: as long as an operator keeps its keys and inputs, and writes to its
 *          table, it has the same uid, whatever stands beside it. Two operators with one role are told apart by their readers.
 *          Operators without state are named by all they compute: a changed one is another one.
 * Limits:  texts over TEXT_LIMIT characters go on as a digest. Digests have 40 bits; equal ones are numbered.
 */
import { typeToString } from "../columnar/logical-type.ts";
import { plainName } from "./user-function.ts";
import type { ExecNode, ExecNodeType } from "./exec-node.ts";
import type { AggregateCall, AggregateLineage, Expression } from "./expression.ts";

const TEXT_LIMIT = 160;
const DEPTH_LIMIT = 400;
const DEFAULT_PREFIX = "default_catalog.default_database.";

export interface OperatorIdentity {
  /** Type, keys and inputs as text. */
  readonly role: string;
  /** Table of the first sink that its rows reach; "" for none. */
  readonly sink: string;
  /** Role and input of the first reader with a role of its own. */
  readonly reader: string;
  /** Lineage of each output field. */
  readonly fields: readonly string[];
  /** Lineage of what each aggregate call keeps. */
  readonly aggregates: readonly AggregateLineage[];
}

/** Nodes that pass rows on, change or drop some, and keep nothing. */
const TRANSPARENT: ReadonlySet<ExecNodeType> = new Set<ExecNodeType>([
  "Calc",
  "WatermarkAssigner",
  "MiniBatchAssigner",
  "DropUpdateBefore",
]);
/** Whose output fields are those of the first input. */
const SAME_FIELDS: ReadonlySet<ExecNodeType> = new Set<ExecNodeType>([
  "WatermarkAssigner",
  "MiniBatchAssigner",
  "DropUpdateBefore",
  "Deduplicate",
  "SortLimit",
  "Limit",
  "ChangelogNormalize",
  "WindowDeduplicate",
  "TemporalSort",
]);
/** Whose output fields are those of all inputs, one after another. */
const JOINED_FIELDS: ReadonlySet<ExecNodeType> = new Set<ExecNodeType>([
  "Join",
  "MultiJoin",
  "WindowJoin",
  "IntervalJoin",
  "TemporalJoin",
  "LateralSnapshotJoin",
]);

interface Draft {
  readonly node: ExecNode;
  readonly fields: readonly string[];
  readonly aggregates: readonly AggregateLineage[];
  readonly role: string;
  /** What the rows are, for the roles of readers. */
  readonly base: string;
}

/** Identities by node id; nodes are in the order of a plan: inputs first. */
export function identitiesOf(nodes: readonly ExecNode[]): ReadonlyMap<number, OperatorIdentity> {
  const drafts = new Map<number, Draft>();
  for (const node of nodes) drafts.set(node.id, draftOf(node, drafts));
  const sinks = new Map<number, number>();
  const readers = new Map<number, string>();
  const order = nodes.filter(({ type }) => type === "Sink").map(({ id }) => id);
  for (const node of nodes.toReversed()) {
    const own = order.indexOf(node.id);
    const sink = own >= 0 ? own : (sinks.get(node.id) ?? order.length);
    sinks.set(node.id, sink);
    const draft = drafts.get(node.id)!;
    node.inputs.forEach(({ node: input }, i) => {
      sinks.set(input, Math.min(sink, sinks.get(input) ?? order.length));
      const through = TRANSPARENT.has(node.type) ? readers.get(node.id) : undefined;
      readers.set(input, through ?? short(`${draft.role}/${i}`));
    });
  }
  const tables = order.map((id) => {
    const { node } = drafts.get(id)!;
    return node.type === "Sink" ? (node.table.stateName ?? node.table.name) : "";
  });
  return new Map(
    [...drafts].map(([id, { node, role, fields, aggregates }]) => {
      const inputs = node.inputs.map((input) => drafts.get(input.node)!.base).join(" + ");
      const reader = node.type === "Sink" ? short(inputs) : (readers.get(id) ?? "");
      return [id, { role, fields, aggregates, reader, sink: tables[sinks.get(id)!] ?? "" }];
    }),
  );
}

/** The nodes with uids of their identities; what has a name of its own (`keep`) keeps it. */
export function withOperatorUids(
  nodes: readonly ExecNode[],
  keep: (node: ExecNode) => boolean,
): ExecNode[] {
  const identities = identitiesOf(nodes);
  const plain = nodes.map((node) => {
    const { role, sink } = identities.get(node.id)!;
    return keep(node) ? node.uid : `${kebab(node.type)}_${digest(`${role}\n${sink}`)}`;
  });
  const counts = countOf(plain);
  const told = plain.map((uid, i) => {
    const node = nodes[i]!;
    if (keep(node) || counts.get(uid) === 1) return uid;
    return `${uid}-${digest(identities.get(node.id)!.reader)}`;
  });
  const seen = new Map<string, number>();
  return nodes.map((node, i) => {
    const uid = told[i]!;
    const number = (seen.get(uid) ?? 0) + 1;
    seen.set(uid, number);
    const { aggregates } = identities.get(node.id)!;
    const named = { ...node, uid: number === 1 ? uid : `${uid}-${number}` };
    return withStateNames(named, aggregates);
  });
}

/** The names of aggregates' state: what they are of, not the alias. */
function withStateNames(node: ExecNode, lineages: readonly AggregateLineage[]): ExecNode {
  if (node.type !== "GroupAggregate" && node.type !== "WindowAggregate") return node;
  const aggregates = node.aggregates.map((call, i) => ({ ...call, state: lineages[i]! }));
  return { ...node, aggregates };
}

function draftOf(node: ExecNode, drafts: ReadonlyMap<number, Draft>): Draft {
  const inputs = node.inputs.map((input) => drafts.get(input.node)!);
  const all = inputs.flatMap(({ fields }) => fields);
  const bases = inputs.map(({ base }) => base).join(" + ");
  const aggregates = aggregatesOf(node, all);
  const role = short(roleOf(node, all, inputs, bases));
  const names = aggregates.map(({ name }) => name);
  const fields = fieldsOf(node, inputs, all, names, role).map(short);
  const base = TRANSPARENT.has(node.type) ? bases : role;
  return { node, fields, aggregates, role, base };
}

/** Nodes that keep nothing are named by everything they do. */
function roleOf(
  node: ExecNode,
  all: readonly string[],
  inputs: readonly Draft[],
  bases: string,
): string {
  const list = (indexes: readonly number[], from = all) =>
    indexes.map((i) => from[i] ?? `$${i}`).join(", ");
  const of = (keys: string) => `${node.type}(${keys}) of ${bases}`;
  switch (node.type) {
    case "TableSourceScan":
      return `${node.type}(${tableName(node.table.name)})`;
    case "Sink":
      return `${node.type}(${tableName(node.table.stateName ?? node.table.name)})`;
    case "Values":
      return `${node.type}(${digest(JSON.stringify(node.rows))})`;
    case "GroupAggregate":
    case "WindowAggregate":
      return of(list(node.grouping));
    case "Deduplicate":
    case "WindowDeduplicate":
      return of(list(node.keys));
    case "ChangelogNormalize":
      return of(list(node.uniqueKey));
    case "Rank":
    case "WindowRank":
    case "OverAggregate":
      return of(`${list(node.partitionKeys)}; ${list(node.sort.map(({ index }) => index))}`);
    case "Match":
      return of(list(node.partitionKeys));
    case "SortLimit":
    case "TemporalSort":
      return of(list(node.sort.map(({ index }) => index)));
    case "Join":
    case "WindowJoin":
    case "IntervalJoin":
    case "TemporalJoin":
    case "LateralSnapshotJoin": {
      const [left, right] = inputs.map(({ fields }) => fields);
      return of(`${list(node.leftKeys, left)} = ${list(node.rightKeys, right)}`);
    }
    case "MultiJoin":
      return of(node.keys.map((keys, i) => list(keys, inputs[i]!.fields)).join(" = "));
    case "Calc": {
      const parts = node.projection.map((part) => textOf(part, all));
      const { condition } = node;
      return of(`${parts.join(", ")}${condition ? ` where ${textOf(condition, all)}` : ""}`);
    }
    case "Union":
    case "Limit":
      return of("");
    case "AsyncCorrelate": {
      const { request } = node;
      const asked = request.kind === "model" ? request.name : request.function;
      return of(`${asked}; ${node.args.map((part) => textOf(part, all)).join(", ")}`);
    }
    case "WatermarkAssigner":
      return of(`${list([node.rowtime])} ${textOf(node.watermark, all)}`);
    default:
      return of(digest(JSON.stringify(node, withoutPlace)));
  }
}

/** Leaves out of a node's JSON what says where it stands. */
function withoutPlace(key: string, value: unknown): unknown {
  return PLACE.has(key) ? undefined : value;
}

const PLACE = new Set(["id", "uid", "inputs", "description", "output", "upsertKeys", "options"]);

function aggregatesOf(node: ExecNode, all: readonly string[]): AggregateLineage[] {
  if (node.type !== "GroupAggregate" && node.type !== "WindowAggregate") return [];
  return node.aggregates.map((call) => aggregateLineage(call, all));
}

function aggregateLineage(call: AggregateCall, all: readonly string[]): AggregateLineage {
  const args = call.args.map((i) => all[i] ?? `$${i}`);
  const filter = call.filter < 0 ? "" : (all[call.filter] ?? `$${call.filter}`);
  const distinct = call.distinct ? "DISTINCT " : "";
  const of = args.length === 0 ? "*" : args.join(", ");
  const behind = filter === "" ? "" : ` FILTER (${filter})`;
  return {
    name: short(`${plainName(call.function)}(${distinct}${of})${behind}`),
    args,
    filter,
  };
}

function fieldsOf(
  node: ExecNode,
  inputs: readonly Draft[],
  all: readonly string[],
  aggregates: readonly string[],
  role: string,
): readonly string[] {
  const first = inputs[0]?.fields ?? [];
  if (SAME_FIELDS.has(node.type)) return first;
  const names = node.output.fields.map(({ name }) => name);
  /** The input's fields, then fields of its own. */
  const appended = (from: readonly string[]) =>
    names.map((name, i) => from[i] ?? `${node.type}.${name} of ${digest(role)}`);
  if (JOINED_FIELDS.has(node.type)) return appended(all);
  switch (node.type) {
    case "TableSourceScan": {
      const { fields } = node.table.schema;
      const table = tableName(node.table.name);
      return node.projection.map(
        ([column = 0, ...path]) =>
          `${table}.${[fields[column]?.name ?? column, ...path].join(".")}`,
      );
    }
    case "Values":
      return names.map((_, i) => `${role}.${i}`);
    case "Calc":
      return node.projection.map((part) => textOf(part, all));
    case "Union":
      return names.map((_, i) => [...new Set(inputs.map(({ fields }) => fields[i]))].join(" | "));
    case "GroupAggregate":
      return [...node.grouping.map((i) => all[i]!), ...aggregates];
    case "WindowAggregate":
      return [...node.grouping.map((i) => all[i]!), ...aggregates, ...node.properties];
    case "WindowTableFunction":
      return names.map((name, i) => first[i] ?? name);
    case "Expand":
      return names.map((_, i) => node.projections.map((p) => textOf(p[i]!, all)).join(" | "));
    case "Rank":
    case "WindowRank":
    case "OverAggregate":
    case "LookupJoin":
    case "Correlate":
    case "AsyncCorrelate":
    case "VectorSearchTableFunction":
      return appended(first);
    default:
      return appended([]);
  }
}

/** An expression over fields whose lineage is known. */
function textOf(expression: Expression, fields: readonly string[], depth = 0): string {
  if (depth > DEPTH_LIMIT) return "…";
  switch (expression.kind) {
    case "input":
      return fields[expression.index] ?? `$${expression.index}`;
    case "literal":
      return JSON.stringify(expression.value);
    case "field":
      return `${textOf(expression.input, fields, depth + 1)}.${expression.index}`;
    case "call": {
      const args = expression.args.map((arg) => textOf(arg, fields, depth + 1));
      const name = plainName(expression.function);
      const cast = name.includes("CAST") ? ` AS ${typeToString(expression.type)}` : "";
      return short(`${name}(${args.join(", ")}${cast})`);
    }
  }
}

function tableName(name: string): string {
  return name.startsWith(DEFAULT_PREFIX) ? name.slice(DEFAULT_PREFIX.length) : name;
}

function short(text: string): string {
  return text.length <= TEXT_LIMIT ? text : `${text.slice(0, 40)}… #${digest(text)}`;
}

function countOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** 40 bits of two FNV-1a hashes over UTF-16 units, as 10 hex digits. */
export function digest(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit ^ (a >>> 15), 0x01000197);
  }
  const high = (a ^ (a >>> 16)) >>> 0;
  const low = (b ^ (b >>> 13)) >>> 0;
  return high.toString(16).padStart(8, "0") + (low & 0xff).toString(16).padStart(2, "0");
}

export function kebab(name: string): string {
  return name.replace(/(?!^)([A-Z])/g, "-$1").toLowerCase();
}
