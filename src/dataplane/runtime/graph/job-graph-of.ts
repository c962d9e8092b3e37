/** The graph of a job as it is started or rescaled: one whose state can be dealt out to all its subtasks. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import { buildJobGraph, type JobGraph } from "./job-graph.ts";

export function jobGraph(...[plan, options]: Parameters<typeof buildJobGraph>): JobGraph {
  const graph = buildJobGraph(plan, options);
  const most = Math.max(graph.parallelism, ...graph.tasks.map(({ parallelism }) => parallelism));
  if (most > graph.maxParallelism)
    throw baseErrors.OPTION_INVALID({
      key: "pipeline.max-parallelism",
      value: graph.maxParallelism,
      expected: `at least the parallelism, ${most}`,
    });
  return graph;
}

/** Whether every task has as many subtasks in the one as in the other. */
export function isSameShape(a: JobGraph, b: JobGraph): boolean {
  const shape = ({ tasks }: JobGraph) =>
    tasks.map(({ name, parallelism }) => `${name} × ${parallelism}`).join("\n");
  return a.parallelism === b.parallelism && shape(a) === shape(b);
}

/** As operatorParallelism() reads it. */
export function overridesText(operators: JobGraph["operators"]): string {
  return Object.entries(operators)
    .map(([name, parallelism]) => `${name}:${parallelism}`)
    .join(",");
}
