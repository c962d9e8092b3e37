/** The job's operator chains left to right, with rows, busy share and state of each; the same as a table for readers. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { getGraph, type JobGraph, type MetricsSample } from "../../api-client/calls.ts";
import { bytes, count, DASH, rate } from "../../widgets/format.ts";
import { Notice } from "../../widgets/notice.tsx";
import { Skeleton } from "../../widgets/skeleton.tsx";
import { type Chain, chainGraph, operatorName, type PlacedGraph } from "./chain-graph.ts";

type Operators = ReadonlyMap<number, MetricsSample["operators"][number]>;

export function OperatorGraph(props: { deployment: string; sample: MetricsSample | undefined }) {
  const graph = useQuery({
    queryKey: ["graph", props.deployment],
    queryFn: () => getGraph(props.deployment),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const placed = useMemo(() => (graph.data ? chainGraph(graph.data) : undefined), [graph.data]);
  if (graph.isError) return <Notice title="The graph cannot be drawn" error={graph.error} />;
  if (graph.data === undefined || placed === undefined) {
    return <Skeleton label="Loading the graph" height={240} />;
  }
  const operators = new Map(props.sample?.operators.map((operator) => [operator.node, operator]));
  return (
    <>
      <div className="graph-scroll" aria-hidden="true">
        <Drawing placed={placed} operators={operators} />
      </div>
      <details>
        <summary>Operators as a table</summary>
        <OperatorTable graph={graph.data} operators={operators} />
      </details>
    </>
  );
}

function Drawing({ placed, operators }: { placed: PlacedGraph; operators: Operators }) {
  const { width, height, chains, edges } = placed;
  return (
    <div className="graph" style={{ width, height }}>
      <svg width={width} height={height} aria-hidden="true">
        <title>Flow of rows</title>
        {edges.map(({ id, path, label, x, y }) => (
          <g key={id}>
            <path className="edge" d={path} />
            <text className="edge-label" x={x} y={y}>
              {label}
            </text>
          </g>
        ))}
      </svg>
      {chains.map((chain) => (
        <ChainBox key={chain.id} chain={chain} operators={operators} />
      ))}
    </div>
  );
}

function ChainBox({ chain, operators }: { chain: Chain; operators: Operators }) {
  const { x, y, width, height, nodes } = chain;
  const first = operators.get(nodes[0]!.id);
  const last = operators.get(nodes.at(-1)!.id);
  const isSource = nodes[0]!.type === "TableSourceScan";
  const isSink = nodes.at(-1)!.type === "Sink";
  const state = nodes.reduce((sum, { id }) => sum + (operators.get(id)?.stateBytes ?? 0), 0);
  const busy = first === undefined ? undefined : Math.round(first.busyRatio * 100);
  const ins = isSource ? "" : `in ${rate(first?.numRecordsInPerSecond)}`;
  const outs = isSink ? "" : `out ${rate(last?.numRecordsOutPerSecond)}`;
  return (
    <div className="chain" style={{ left: x, top: y, width, height }}>
      {nodes.map((node) => (
        <div key={node.id} className="chain-operator" title={node.description}>
          {operatorName(node)}
        </div>
      ))}
      <div className="op-numbers">{[ins, outs].filter(Boolean).join(" · ")}</div>
      <div className="op-numbers">
        busy {busy === undefined ? DASH : `${busy} %`}
        {state > 0 ? ` · state ${bytes(state)}` : ""}
      </div>
      <div className="busy">
        <div style={{ width: `${busy ?? 0}%` }} />
      </div>
    </div>
  );
}

function OperatorTable({ graph, operators }: { graph: JobGraph; operators: Operators }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
    <section className="grid-scroll" aria-label="Operators" tabIndex={0}>
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
              Busy
            </th>
            <th scope="col" className="number">
              State
            </th>
          </tr>
        </thead>
        <tbody>
          {graph.nodes.map(({ id, description }) => {
            const operator = operators.get(id);
            const busy = operator && `${Math.round(operator.busyRatio * 100)} %`;
            return (
              <tr key={id}>
                <td className="wrapped">{description}</td>
                <td className="number">{count(operator?.numRecordsIn)}</td>
                <td className="number">{count(operator?.numRecordsOut)}</td>
                <td className="number">{busy ?? DASH}</td>
                <td className="number">{bytes(operator?.stateBytes)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
