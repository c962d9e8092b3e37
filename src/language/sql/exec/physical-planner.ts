/**
 * PhysicalPlanner: optimized logical plan → physical nodes, with modify kinds and upsert keys.
 *
 * Flow:    optimizer → **here** → changelog.ts → exec-plan-builder.ts. Sinks of one statement set share one planner, so
 *          that equal sub-plans and scans are there once.
 * Errors:  MR2201 no node for it yet, MR2202 changes that an operator does not take, MR2205 sorting a stream.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { TimeColumn, WindowSpec } from "../../../foundation/plan/exec-node.ts";
import { type Expression, children } from "../../../foundation/plan/expression.ts";
import {
  type LogicalType,
  typeToString,
  withoutTimeAttribute,
} from "../../../foundation/columnar/logical-type.ts";
import { planErrors } from "../errors.ts";
import { TRUE, and, digest, isFalse, substitute } from "../rel/expressions.ts";
import { scriptPlace } from "../rel/rel-place.ts";
import { isIdentity } from "../rel/rel-builder.ts";
import { type RelNode, type ScanRel, relInputs } from "../rel/rel-node.ts";
import { planAggregate } from "./aggregate-planner.ts";
import { type CalcChain, calcChain } from "./calc-chain.ts";
import { withAnswers } from "./async-planner.ts";
import { hasAsyncCall } from "./needed-calls.ts";
import { planCorrelate, planOver, planTemporalSort } from "./extra-planner.ts";
import { lookupScan } from "./lookup-join.ts";
import { planJoin } from "./join-planner.ts";
import { planMatch } from "./match-planner.ts";
import {
  ALL,
  INSERT,
  PhysFactory,
  type PhysNode,
  type PhysSpecOf,
  forward,
  hashBy,
  isInsertOnly,
  singleton,
} from "./phys-node.ts";
import { planProcess } from "./process-planner.ts";
import { planRank } from "./rank-planner.ts";
import { ScanPlanner } from "./scan-planner.ts";
import { attributeAt } from "./time-joins.ts";
import { planSink } from "./sink-planner.ts";
import type { PlanOptions } from "./plan-options.ts";
import { projectKeys } from "./upsert-keys.ts";

export class PhysicalPlanner {
  readonly options: PlanOptions;
  readonly factory = new PhysFactory();
  readonly #scans: ScanPlanner;
  readonly #done = new Map<RelNode, PhysNode>();

  constructor(options: PlanOptions) {
    this.options = options;
    this.#scans = new ScanPlanner(this.factory, options);
  }

  /** All roots at once: scans must know every reader before the first is planned. */
  planAll(roots: readonly RelNode[]): PhysNode[] {
    const seen = new Set<RelNode>();
    for (const root of roots) this.#collectScans(root, seen);
    return roots.map((root) => this.plan(root));
  }

  #collectScans(rel: RelNode, seen: Set<RelNode>): void {
    if (seen.has(rel)) return;
    seen.add(rel);
    const chain = calcChain(rel);
    if (chain.base.kind === "scan") {
      this.#scans.use(
        chain.base,
        [...chain.projection, ...chain.conditions],
        and(chain.conditions),
      );
      return;
    }
    if (chain.base !== rel) this.#collectScans(chain.base, seen);
    else if (rel.kind === "join" && lookupScan(rel, this.options) !== undefined)
      this.#collectScans(rel.left, seen);
    else for (const input of relInputs(rel)) this.#collectScans(input, seen);
  }

  /** Errors name the place of the nearest node that has one. */
  plan(rel: RelNode): PhysNode {
    const known = this.#done.get(rel);
    if (known !== undefined) return known;
    try {
      const node = this.#plan(rel);
      this.#done.set(rel, node);
      return node;
    } catch (error) {
      const at = scriptPlace(rel);
      if (at === undefined || !(error instanceof MillraceError)) throw error;
      throw error.at({ at });
    }
  }

  #plan(rel: RelNode): PhysNode {
    switch (rel.kind) {
      case "project":
      case "filter":
      case "scan":
        return this.#calc(calcChain(rel));
      case "values":
        return this.factory.make({ type: "Values", rows: rel.rows }, [], rel.schema, {
          kinds: INSERT,
        });
      case "join":
        return planJoin(this, rel);
      case "aggregate":
        return planAggregate(this, rel);
      case "windowTvf":
        return this.#windowTvf(rel);
      case "setop":
        return this.#setop(rel);
      case "sort":
        return this.#sort(rel);
      case "expand":
        return this.#expand(rel);
      case "rank":
        return planRank(this, rel);
      case "sink":
        return planSink(this, rel);
      case "over":
        return planOver(this, rel);
      case "correlate":
        return planCorrelate(this, rel);
      case "match":
        return planMatch(this, rel);
      case "process":
        return planProcess(this, rel);
      default:
        throw planErrors.NODE_MISSING({ what: rel.kind, remedy: "Rewrite the query." });
    }
  }

  #calc(chain: CalcChain): PhysNode {
    const { base } = chain;
    if (base.kind === "scan") return this.#reader(base, chain);
    const input = this.plan(base);
    if (chain.identity) return input;
    return this.calc(input, chain.projection, and(chain.conditions), chain.schema);
  }

  #reader(scan: ScanRel, chain: CalcChain): PhysNode {
    const reader = this.#scans.read(scan);
    const projection = chain.projection.map((e) => reader.narrow(e));
    const where = and(chain.conditions);
    const known = reader.ensured !== undefined && digest(reader.ensured) === digest(where);
    const condition = known ? TRUE : reader.narrow(where);
    return this.calc(reader.node, projection, condition, chain.schema);
  }

  /** A Calc, or the input itself when it would change nothing. */
  calc(
    input: PhysNode,
    projection: readonly Expression[],
    condition: Expression,
    schema: Schema,
  ): PhysNode {
    if (hasAsyncCall(condition) || projection.some(hasAsyncCall)) {
      const later = withAnswers(this, { input, projection, condition });
      return this.calc(later.input, later.projection, later.condition, schema);
    }
    const always = condition.kind === "literal" && condition.value === true;
    const { spec: below } = input;
    if (below.type === "Calc" && !below.condition && below.projection.every(isReference)) {
      const merged = projection.map((e) => substitute(e, below.projection));
      const where = substitute(condition, below.projection);
      return this.calc(input.inputs[0]!.node, merged, where, schema);
    }
    if (isFalse(condition) || (condition.kind === "literal" && condition.value === null))
      return this.factory.make({ type: "Values", rows: [] }, [], schema, { kinds: INSERT });
    if (always && isIdentity(projection, input.schema)) return input;
    const fields = projection.map((e, i) => ({
      name: schema.fields[i]!.name,
      type: keepAttribute(e, input.schema),
    }));
    const spec: PhysSpecOf<"Calc"> = {
      type: "Calc",
      projection,
      ...(always ? {} : { condition }),
    };
    const unique = [...projection, condition].some(isRandom);
    return this.factory.make(
      spec,
      [{ node: input, distribution: forward }],
      { fields },
      {
        kinds: input.kinds,
        upsertKeys: projectKeys(input.upsertKeys, projection),
        unique,
      },
    );
  }

  #windowTvf(rel: Extract<RelNode, { kind: "windowTvf" }>): PhysNode {
    const input = this.plan(rel.input);
    const window = this.windowOver(rel.window, input.schema);
    const keys = window.partitionKeys;
    const distribution = window.kind === "SESSION" ? hashBy(keys ?? []) : forward;
    const base = input.schema.fields.length;
    const fields = [...input.schema.fields, ...rel.schema.fields.slice(base)];
    return this.factory.make(
      { type: "WindowTableFunction", window },
      [{ node: input, distribution }],
      { fields },
      { kinds: input.kinds },
    );
  }

  /** The window over the physical input, whose time column must (still) be a time attribute. */
  windowOver(written: WindowSpec, schema: Schema): WindowSpec {
    const { isGroupWindow: _, ...window } = written;
    return { ...window, time: this.timeColumn(window.time, schema) };
  }

  timeColumn(time: TimeColumn, schema: Schema): TimeColumn {
    const { type } = schema.fields[time.index]!;
    const attribute = attributeAt(schema, time.index);
    if (attribute === undefined && this.options.mode === "streaming")
      throw planErrors.WINDOW_PLAN({
        message: `The window function requires the timecol is a time attribute type, but is ${typeToString(type)}.`,
        remedy:
          "Time attributes get lost in regular joins, unbounded aggregates and functions: window before them.",
      });
    return { attribute: attribute ?? "ROWTIME", index: time.index, type };
  }

  #setop(rel: Extract<RelNode, { kind: "setop" }>): PhysNode {
    if (rel.operator !== "UNION" || !rel.all)
      throw planErrors.NODE_MISSING({
        what: `${rel.operator}${rel.all ? " ALL" : ""}`,
        remedy: "Write it with a semi or anti join (IN, NOT EXISTS).",
      });
    const inputs = rel.inputs.map((input) => this.plan(input));
    const kinds = inputs.reduce((sum, node) => sum | node.kinds, 0);
    const fields = rel.schema.fields.map((field, i) => {
      const first = attributeAt(inputs[0]!.schema, i);
      const same = inputs.every((node) => attributeAt(node.schema, i) === first);
      const plain = withoutTimeAttribute(field.type);
      const type = same && first !== undefined ? { ...plain, timeAttribute: first } : plain;
      return { name: field.name, type: type as LogicalType };
    });
    return this.factory.make(
      { type: "Union" },
      inputs.map((node) => ({ node, distribution: forward })),
      { fields },
      { kinds },
    );
  }

  #sort(rel: Extract<RelNode, { kind: "sort" }>): PhysNode {
    const input = this.plan(rel.input);
    const { offset } = rel;
    const limit = rel.fetch < 0 && rel.sort.length > 0 ? this.#defaultLimit() : rel.fetch;
    const retract = !isInsertOnly(input);
    const edge = [{ node: input, distribution: singleton }];
    const common = { offset, limit, generateUpdateBefore: false, retract };
    if (rel.sort.length === 0)
      return this.factory.make({ type: "Limit", ...common }, edge, input.schema, {
        kinds: isInsertOnly(input) ? INSERT : ALL,
        upsertKeys: input.upsertKeys,
      });
    if (limit < 0 && this.options.mode === "streaming") return planTemporalSort(this, rel, input);
    return this.factory.make({ type: "SortLimit", sort: rel.sort, ...common }, edge, input.schema, {
      kinds: this.options.mode === "batch" && !retract ? INSERT : ALL,
      // Behind an offset a row moves rank by rank: it comes to its new rank before it leaves the old one.
      upsertKeys: offset > 0 ? [] : input.upsertKeys,
    });
  }

  /** Of a sort in batch mode that has none; negative: all rows. */
  #defaultLimit(): number {
    if (this.options.mode === "streaming") return -1;
    return Number(this.options.option("table.exec.sort.default-limit") ?? -1);
  }

  #expand(rel: Extract<RelNode, { kind: "expand" }>): PhysNode {
    const input = this.plan(rel.input);
    return this.factory.make(
      { type: "Expand", projections: rel.projections },
      [{ node: input, distribution: forward }],
      rel.schema,
      {
        kinds: input.kinds,
        // A field that some copies have as NULL tells nothing apart.
        upsertKeys: input.upsertKeys
          .filter((key) =>
            key.every((index) => rel.projections.every((copy) => keeps(copy, index))),
          )
          .map((key) => [...key, rel.schema.fields.length - 1]),
      },
    );
  }

  /** An operator that takes inserts only. */
  requireInsertOnly(node: PhysNode, consumer: string): void {
    if (isInsertOnly(node)) return;
    const params = { consumer, changes: changesOf(node), producer: node.spec.type };
    throw planErrors.CHANGES_NOT_ACCEPTED(withOrigin(params, node));
  }
}

function keeps(projection: readonly Expression[], index: number): boolean {
  const expression = projection[index];
  return expression?.kind === "input" && expression.index === index;
}

/** Adds who made the changes, which others between may only hand on. */
export function withOrigin<T extends object>(params: T, node: PhysNode): T & { origin: string } {
  let origin = node;
  for (;;) {
    const input = origin.inputs.find((each) => !isInsertOnly(each.node));
    if (input === undefined) return { ...params, origin: origin.spec.type };
    origin = input.node;
  }
}

/** Two of these differ; two clocks may agree. */
function isRandom(e: Expression): boolean {
  if (e.kind === "call" && /^(RAND|RAND_INTEGER|UUID)$/.test(e.function)) return true;
  return children(e).some(isRandom);
}

const isReference = (e: Expression): boolean => e.kind === "input";

export function changesOf(node: PhysNode): string {
  const words = [(node.kinds & 2) !== 0 ? "update" : "", (node.kinds & 4) !== 0 ? "delete" : ""];
  return words.filter((word) => word !== "").join(" and ");
}

/** A plain reference has its input's type, with the time attribute that the input really has. */
function keepAttribute(expression: Expression, schema: Schema): Expression["type"] {
  if (expression.kind !== "input") return expression.type;
  const { type } = schema.fields[expression.index]!;
  const own = expression.type;
  if (own.kind !== type.kind) return own;
  return { ...type, nullable: own.nullable };
}
