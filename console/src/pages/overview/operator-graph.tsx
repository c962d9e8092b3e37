/** The job's operators left to right, with rows, busy share and state of each; the same as a table for readers. */
import dagre from "@dagrejs/dagre";
import { useQuery } from "@tanstack/react-query";
import { type Edge, type Node, Position, ReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import { getGraph, type JobGraph, type MetricsSample } from "../../api-client/calls.ts";
import { bytes, count, rate } from "../../widgets/format.ts";

const NODE = { width: 210, height: 74 };

export function OperatorGraph(props: { deployment: string; sample: MetricsSample | undefined }) {
  const graph = useQuery({
    queryKey: ["graph", props.deployment],
    queryFn: () => getGraph(props.deployment),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const places = useMemo(() => (graph.data ? layout(graph.data) : undefined), [graph.data]);
  if (graph.data === undefined || places === undefined) return <div className="graph" />;
  const operators = new Map(props.sample?.operators.map((operator) => [operator.node, operator]));
  const nodes: Node[] = graph.data.nodes.map((node) => {
    const operator = operators.get(node.id);
    return {
      id: String(node.id),
      position: places.get(node.id)!,
      sourcePosition: Position.Right,
      targetPosition: Position.Left,
      data: {
        label: (
          <div title={node.description}>
            <strong>{node.type}</strong>
            <div className="op-numbers">
              {rate(operator?.numRecordsInPerSecond)} → {rate(operator?.numRecordsOutPerSecond)}
            </div>
            <div className="op-numbers">
              {operator?.stateBytes ? `state ${bytes(operator.stateBytes)}` : "no state"} · busy{" "}
              {operator === undefined ? "—" : `${Math.round(operator.busyRatio * 100)} %`}
            </div>
            <div className="busy">
              <div style={{ width: `${(operator?.busyRatio ?? 0) * 100}%` }} />
            </div>
          </div>
        ),
      },
    };
  });
  const edges: Edge[] = graph.data.edges.map(({ from, to, distribution }) => ({
    id: `${from}-${to}`,
    source: String(from),
    target: String(to),
    ...(distribution === "forward" ? {} : { label: distribution }),
  }));
  return (
    <>
      <div className="graph" aria-hidden="true">
        <ReactFlow
          nodes={nodes}
          edges={edges}
          fitView
          minZoom={0.2}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          proOptions={{ hideAttribution: true }}
        />
      </div>
      <details>
        <summary>Operators as a table</summary>
        <OperatorTable graph={graph.data} operators={operators} />
      </details>
    </>
  );
}

function OperatorTable(props: {
  graph: JobGraph;
  operators: Map<number, MetricsSample["operators"][number]>;
}) {
  return (
    <table className="grid">
      <thead>
        <tr>
          <th scope="col">Operator</th>
          <th scope="col" className="number">
            Rows in
          </th>
          <th scope="col" className="number">
            Rows out
          </th>
          <th scope="col" className="number">
            State
          </th>
        </tr>
      </thead>
      <tbody>
        {props.graph.nodes.map(({ id, description }) => {
          const operator = props.operators.get(id);
          return (
            <tr key={id}>
              <td style={{ whiteSpace: "normal" }}>{description}</td>
              <td className="number">{count(operator?.numRecordsIn)}</td>
              <td className="number">{count(operator?.numRecordsOut)}</td>
              <td className="number">{bytes(operator?.stateBytes)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Stable left-to-right places: they depend on the graph alone, never on the numbers. */
function layout(graph: JobGraph): Map<number, { x: number; y: number }> {
  const drawing = new dagre.graphlib.Graph();
  drawing.setGraph({ rankdir: "LR", ranksep: 60, nodesep: 24 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) drawing.setNode(String(node.id), { ...NODE });
  for (const edge of graph.edges) drawing.setEdge(String(edge.from), String(edge.to));
  dagre.layout(drawing);
  return new Map(
    graph.nodes.map(({ id }) => {
      const { x, y } = drawing.node(String(id));
      return [id, { x: x - NODE.width / 2, y: y - NODE.height / 2 }];
    }),
  );
}
