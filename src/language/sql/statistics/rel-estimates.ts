/**
 * Estimates of logical plans: what the order of joins is chosen by.
 *
 * Flow: optimizer/order-joins.ts → here → estimates.ts. A node is estimated once: plans are trees with shared parts.
 */
import { type Expression, inputRefs } from "../../../foundation/plan/expression.ts";
import { identifierText, tableSchema } from "../catalog/catalog-objects.ts";
import { and, conjuncts, isCall } from "../rel/expressions.ts";
import { type JoinRel, type RelNode, type ScanRel, relInputs } from "../rel/rel-node.ts";
import {
  type RelEstimate,
  appended,
  distinctRows,
  estimateAggregate,
  estimateFilter,
  estimateJoin,
  estimateProject,
  estimateRank,
  estimateTable,
  estimateUnion,
  unknownRel,
  withRows,
} from "./estimates.ts";
import type { StatisticsLookup } from "./table-statistics.ts";

export class RelEstimator {
  readonly #statistics: StatisticsLookup;
  readonly #known = new Map<RelNode, RelEstimate>();

  constructor(statistics: StatisticsLookup) {
    this.#statistics = statistics;
  }

  of(rel: RelNode): RelEstimate {
    let estimate = this.#known.get(rel);
    if (estimate === undefined) {
      const inputs = relInputs(rel).map((input) => this.of(input));
      estimate = this.#estimate(rel, inputs);
      this.#known.set(rel, estimate);
    }
    return estimate;
  }

  #estimate(rel: RelNode, inputs: readonly RelEstimate[]): RelEstimate {
    const [input = { rows: 0, columns: [] }, other] = inputs;
    switch (rel.kind) {
      case "scan":
        return this.#scan(rel);
      case "values":
        return unknownRel(rel.schema, rel.rows.length);
      case "project":
        return estimateProject(input, rel.expressions);
      case "filter":
        return estimateFilter(input, rel.condition);
      case "join":
        return estimateJoin(input, other!, { type: rel.type, ...splitCondition(rel) });
      case "aggregate":
        return estimateAggregate(
          input,
          rel.grouping,
          rel.calls.map(({ type }) => type),
        );
      case "setop":
        return setOperation(rel, inputs);
      case "sort": {
        const left = Math.max(0, input.rows - rel.offset);
        return withRows(input, rel.fetch < 0 ? left : Math.min(left, rel.fetch));
      }
      case "expand":
        return unknownRel(rel.schema, input.rows * rel.projections.length);
      case "rank":
        return appended(estimateRank(input, rel.partition, rel.end - rel.start + 1), rel.schema);
      case "process":
        return unknownRel(
          rel.schema,
          inputs.reduce((sum, { rows }) => sum + rows, 0),
        );
      case "match":
        return unknownRel(rel.schema, input.rows);
      default:
        return appended(input, rel.schema);
    }
  }

  #scan({ table, dynamicOptions }: ScanRel): RelEstimate {
    const subject = {
      name: identifierText(table.identifier),
      options: { ...table.options, ...dynamicOptions },
    };
    const key = table.primaryKey?.columns.map((name) =>
      table.columns.findIndex((column) => column.name === name),
    );
    return estimateTable(tableSchema(table), this.#statistics(subject), key);
  }
}

function setOperation(
  rel: Extract<RelNode, { kind: "setop" }>,
  inputs: readonly RelEstimate[],
): RelEstimate {
  const all = estimateUnion(inputs);
  if (rel.operator === "UNION" && rel.all) return all;
  const columns = rel.schema.fields.map((_, i) => i);
  if (rel.operator === "UNION") return withRows(all, distinctRows(all, columns));
  return withRows(inputs[0]!, Math.min(...inputs.map(({ rows }) => rows)));
}

/** Keys that are plain columns (or casts of them), and the rest of the condition. */
function splitCondition(rel: JoinRel): {
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly condition?: Expression;
} {
  const width = rel.left.schema.fields.length;
  const leftKeys: number[] = [];
  const rightKeys: number[] = [];
  const rest: Expression[] = [];
  for (const part of conjuncts(rel.condition)) {
    const key = keyOf(part, width);
    if (key === undefined) rest.push(part);
    else {
      leftKeys.push(key[0]);
      rightKeys.push(key[1] - width);
    }
  }
  const condition = and(rest);
  return { leftKeys, rightKeys, ...(rest.length === 0 ? {} : { condition }) };
}

function keyOf(part: Expression, width: number): readonly [number, number] | undefined {
  if (!isCall(part, "EQUALS") && !isCall(part, "IS_NOT_DISTINCT_FROM")) return undefined;
  const [a, b] = part.args.map((arg) => {
    const refs = [...inputRefs(arg)];
    return refs.length === 1 ? refs[0]! : undefined;
  });
  if (a === undefined || b === undefined || a < width === b < width) return undefined;
  return a < width ? [a, b] : [b, a];
}
