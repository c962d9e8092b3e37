/** The logical plan as Calcite prints it: `LogicalFilter(condition=[>($0, 1)])`. */
import { identifierText } from "../catalog/catalog-objects.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import { plainName } from "../../../foundation/plan/user-function.ts";
import { type RelNode, relInputs } from "../rel/rel-node.ts";
import { expressionText, literalText } from "./expression-text.ts";
import { duration } from "./window-text.ts";
import { invocationText, rowTypeText } from "./process-text.ts";

export function relText(rel: RelNode): string {
  const lines: string[] = [];
  print(rel, "", "", lines);
  return lines.join("\n");
}

function print(rel: RelNode, first: string, rest: string, lines: string[]): void {
  lines.push(`${first}${line(rel)}`);
  const inputs = relInputs(rel);
  inputs.forEach((input, i) => {
    const last = i === inputs.length - 1;
    print(input, `${rest}${last ? "+- " : ":- "}`, `${rest}${last ? "   " : ":  "}`, lines);
  });
}

const text = (e: Expression): string => expressionText(e, (index) => `$${index}`, "prefix");

function line(rel: RelNode): string {
  const names = rel.schema.fields.map((field) => field.name);
  switch (rel.kind) {
    case "scan": {
      const parts = identifierText(rel.table.identifier).split(".").join(", ");
      return `LogicalTableScan(table=[[${parts}]])`;
    }
    case "values": {
      const rows = rel.rows.map(
        (row) => `{ ${row.map((v, i) => literalText(v, rel.schema.fields[i]!.type)).join(", ")} }`,
      );
      return `LogicalValues(tuples=[[${rows.join(", ")}]])`;
    }
    case "project":
      return `LogicalProject(${rel.expressions.map((e, i) => `${names[i]}=[${text(e)}]`).join(", ")})`;
    case "filter":
      return `LogicalFilter(condition=[${text(rel.condition)}])`;
    case "join":
      return `LogicalJoin(condition=[${rel.condition === undefined ? "true" : text(rel.condition)}], joinType=[${rel.type.toLowerCase()}])`;
    case "aggregate": {
      const calls = rel.calls.map((call) => {
        const args = call.args.map((arg) => `$${arg}`).join(", ");
        const filter = call.filter < 0 ? "" : ` FILTER $${call.filter}`;
        return `${call.name}=[${plainName(call.function)}(${call.distinct ? "DISTINCT " : ""}${args})${filter}]`;
      });
      return `LogicalAggregate(${[`group=[{${rel.grouping.join(", ")}}]`, ...calls].join(", ")})`;
    }
    case "windowTvf": {
      const { kind, sizeMs, time } = rel.window;
      const field = rel.input.schema.fields[time.index]!.name;
      return `LogicalTableFunctionScan(invocation=[${kind}(DESCRIPTOR('${field}'), ${duration(sizeMs)})])`;
    }
    case "setop":
      return `Logical${rel.operator[0]}${rel.operator.slice(1).toLowerCase()}(all=[${rel.all}])`;
    case "sort":
      return sortLine(rel);
    case "over":
      return `LogicalWindow(partition=[${rel.partition.map((i) => `$${i}`).join(", ")}], calls=[${rel.calls.map((call) => plainName(call.function)).join(", ")}])`;
    case "sink":
      return `LogicalSink(table=[${identifierText(rel.table.identifier)}], fields=[${names.join(", ")}])`;
    case "match":
      return `LogicalMatch(partition=[${rel.partition.map((i) => `$${i}`).join(", ")}], pattern=[${rel.pattern.map((one) => one.variable).join(" ")}], outputFields=[${names.join(", ")}])`;
    case "correlate":
      return `LogicalCorrelate(invocation=[${text(rel.call)}], joinType=[${rel.type.toLowerCase()}])`;
    case "process":
      return `LogicalTableFunctionScan(invocation=[${invocationText(rel.spec, "prefix")}], rowType=[${rowTypeText(rel.schema)}])`;
    default:
      return `Logical${rel.kind[0]!.toUpperCase()}${rel.kind.slice(1)}()`;
  }
}

function sortLine(rel: Extract<RelNode, { kind: "sort" }>): string {
  const keys = rel.sort.map((field, i) => `sort${i}=[$${field.index}]`);
  const directions = rel.sort.map(
    (field, i) =>
      `dir${i}=[${field.descending ? "DESC" : "ASC"}${field.nullsFirst ? "-nulls-first" : "-nulls-last"}]`,
  );
  const limits = [
    ...(rel.offset > 0 ? [`offset=[${rel.offset}]`] : []),
    ...(rel.fetch >= 0 ? [`fetch=[${rel.fetch}]`] : []),
  ];
  return `LogicalSort(${[...keys, ...directions, ...limits].join(", ")})`;
}
