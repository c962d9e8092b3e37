/**
 * What the graph draws: operators that run as one chain in one box, boxes placed left to right. Places depend on the plan
 * alone, never on the numbers: nothing moves while a job runs.
 *
 * Rule: an operator belongs to the chain of its only input when rows go straight to it and to nobody else.
 */
import dagre from "@dagrejs/dagre";
import type { JobGraph } from "../../api-client/calls.ts";

type GraphNode = JobGraph["nodes"][number];

export interface Chain {
  readonly id: number;
  readonly nodes: readonly GraphNode[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface DrawnEdge {
  readonly id: string;
  readonly path: string;
  readonly label: string;
  /** Where the label stands. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedGraph {
  readonly width: number;
  readonly height: number;
  readonly chains: readonly Chain[];
  readonly edges: readonly DrawnEdge[];
}

const WIDTH = 196;
const LINE = 16;
/** Numbers, busy bar and padding below the names. */
const FOOT = 58;

export function chainGraph(graph: JobGraph): PlacedGraph {
  const chainOf = new Map<number, number>();
  const members = new Map<number, GraphNode[]>();
  for (const node of graph.nodes) {
    const inputs = graph.edges.filter(({ to }) => to === node.id);
    const [only] = inputs;
    const joins =
      only !== undefined &&
      inputs.length === 1 &&
      only.distribution === "forward" &&
      graph.edges.filter(({ from }) => from === only.from).length === 1;
    const chain = joins ? chainOf.get(only.from)! : node.id;
    chainOf.set(node.id, chain);
    members.set(chain, [...(members.get(chain) ?? []), node]);
  }
  const drawing = new dagre.graphlib.Graph();
  drawing.setGraph({ rankdir: "LR", ranksep: 68, nodesep: 16 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const [id, nodes] of members) {
    drawing.setNode(String(id), { width: WIDTH, height: nodes.length * LINE + FOOT });
  }
  const links = graph.edges.filter(({ from, to }) => chainOf.get(from) !== chainOf.get(to));
  for (const { from, to } of links) {
    drawing.setEdge(String(chainOf.get(from)), String(chainOf.get(to)));
  }
  dagre.layout(drawing);
  const chains = [...members].map(([id, nodes]): Chain => {
    const { x, y, width, height } = drawing.node(String(id));
    return { id, nodes, x: x - width / 2, y: y - height / 2, width, height };
  });
  const byId = new Map(chains.map((chain) => [chain.id, chain]));
  const labelled = new Set<string>();
  const edges = links.map(({ from, to, distribution }) => {
    const start = byId.get(chainOf.get(from)!)!;
    const end = byId.get(chainOf.get(to)!)!;
    const { points } = drawing.edge(String(start.id), String(end.id));
    // Edges that end alike share one label.
    const key = `${end.id} ${distribution}`;
    const label = distribution === "forward" || labelled.has(key) ? "" : distribution;
    labelled.add(key);
    return edgeBetween(start, end, points.slice(1, -1), label);
  });
  const { width = 0, height = 0 } = drawing.graph();
  return { width, height, chains, edges };
}

/** "flights" of a source, "most_delayed" of a sink; others by their type. */
export function operatorName({ type, description }: GraphNode): string {
  // catalog, database, table: with commas of a source, with dots of a sink
  const table = /table=\[+([^\]=]*)/.exec(description)?.[1]?.split(/[.,]\s*/)[2];
  if (type === "TableSourceScan" && table !== undefined) return `Source ${table}`;
  return type === "Sink" && table !== undefined ? `Sink ${table}` : type;
}

/** A curve that leaves and arrives level, by way of the points that dagre leads it around others. */
function edgeBetween(
  from: Chain,
  to: Chain,
  between: readonly { readonly x: number; readonly y: number }[],
  label: string,
): DrawnEdge {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height / 2 };
  let path = `M${start.x} ${start.y}`;
  let last = start;
  // Of neighbours in adjacent columns dagre gives one point in the gap: it adds nothing.
  for (const point of [...(between.length > 1 ? between : []), end]) {
    const middle = (last.x + point.x) / 2;
    path += `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    last = point;
  }
  return { id: `${from.id}-${to.id}`, path, label, x: end.x - 6, y: end.y - 6 };
}
