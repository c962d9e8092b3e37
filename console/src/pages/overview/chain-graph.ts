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

const WIDTH = 184;
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
  drawing.setGraph({ rankdir: "LR", ranksep: 56, nodesep: 16 });
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
  const edges = links.map(({ from, to, distribution }) => {
    const label = distribution === "forward" ? "" : distribution;
    return edgeBetween(byId.get(chainOf.get(from)!)!, byId.get(chainOf.get(to)!)!, label);
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

function edgeBetween(from: Chain, to: Chain, label: string): DrawnEdge {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height / 2 };
  const middle = (start.x + end.x) / 2;
  return {
    id: `${from.id}-${to.id}`,
    path: `M${start.x} ${start.y}C${middle} ${start.y} ${middle} ${end.y} ${end.x} ${end.y}`,
    label,
    x: end.x - 6,
    y: end.y - 6,
  };
}
