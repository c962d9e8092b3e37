/** What EXPLAIN says of a Match: as Flink prints it, with the rows of variables as `LAST(A.price, 1)`. */
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { MatchExpressions, MatchSpec, MatchVariable } from "../../../foundation/plan/match.ts";
import { type TextStyle, expressionText } from "./expression-text.ts";

export function matchText(
  spec: MatchSpec & { readonly partitionKeys: readonly number[] },
  input: Schema,
  output: Schema,
  style: TextStyle,
): string[] {
  const texts = (expressions: MatchExpressions) =>
    expressions.expressions.map((expression) =>
      expressionText(expression, (i) => inputText(spec, expressions, i, input), style),
    );
  const columns = output.fields.slice(spec.partitionKeys.length);
  const measures = texts(spec.measures).map((text, i) => `FINAL(${text}) AS ${columns[i]!.name}`);
  const define = spec.pattern.flatMap(({ variable }, i) => {
    const [text] = texts(spec.define[i]!);
    return text === "true" ? [] : [`${variable}=${text}`];
  });
  const after = spec.after.skip.replaceAll("_", " ");
  const variable =
    "position" in spec.after ? ` ${spec.pattern[spec.after.position]!.variable}` : "";
  return [
    `measures=[${measures.join(", ")}]`,
    "rowsPerMatch=[ONE ROW PER MATCH]",
    `after=[SKIP ${after}${variable}]`,
    ...(spec.withinMs === 0 ? [] : [`within=[${spec.withinMs}:INTERVAL]`]),
    `pattern=[${spec.pattern.map(variableText).join(" ")}]`,
    `define=[{${define.join(", ")}}]`,
  ];
}

function inputText(
  spec: MatchSpec,
  { references, aggregates }: MatchExpressions,
  index: number,
  input: Schema,
): string {
  const table = (position: number) => (position < 0 ? "*" : spec.pattern[position]!.variable);
  const name = (field: number) => input.fields[field]!.name;
  const reference = references[index];
  if (reference !== undefined) {
    const { position, first, offset, field } = reference;
    const column = `${table(position)}.${name(field)}`;
    return first || offset > 0 ? `${first ? "FIRST" : "LAST"}(${column}, ${offset})` : column;
  }
  const { function: called, position, args } = aggregates[index - references.length]!;
  const of = args.map((field) => `${table(position)}.${name(field)}`).join(", ");
  return `${called}(${of || "*"})`;
}

function variableText({ variable, min, max, greedy }: MatchVariable): string {
  if (min === 1 && max === 1) return variable;
  const reluctant = greedy || (min === 0 && max === 1) || min === max ? "" : "?";
  const sign = max === 1 ? "?" : max >= 0 ? `{${min},${max}}` : min < 2 ? "*+"[min] : `{${min},}`;
  return `${variable}${sign}${reluctant}`;
}
