/**
 * Hints of SELECT and of tables: OPTIONS of a table; STATE_TTL, LOOKUP and the join strategies of a SELECT.
 *
 * Rules:   a hint of a SELECT holds for its own FROM only, not within views or subqueries. Of two hints of one name the first
 *          wins; within one hint the last value of a key.
 * Errors:  MR2127 a table that FROM has not, options that are wrong or missing, a name that is no hint.
 * Source:  Flink FlinkHintStrategies, QueryHintsResolver, JoinHintsResolver.
 */
import { parseDuration } from "../../../foundation/base/duration.ts";
import { validateErrors } from "../errors.ts";
import type { HintNode } from "../parser/ast.ts";
import type { JoinHints, LookupHint, TtlHint } from "../rel/rel-node.ts";
import { readLookupHint } from "./lookup-hint.ts";
import type { ScopeTable } from "./scope.ts";

/** Joins that become one, with those of their inputs (exec/multi-join.ts). */
const MULTI_JOIN = "MULTI_JOIN";
/** How joins are to run: but for MULTI_JOIN this engine has one way, so that they are named in the plan and warned of. */
const JOIN_STRATEGIES = new Set([
  "BROADCAST",
  "SHUFFLE_HASH",
  "SHUFFLE_MERGE",
  "NEST_LOOP",
  MULTI_JOIN,
]);
/** Of aggregates and tables: nothing that a plan of this engine says. */
const OTHER_HINTS = new Set(["OPTIONS"]);

interface NamedTable {
  readonly hint: string;
  readonly table: string;
  readonly node: HintNode;
}

/** The hints of one SELECT. */
export class BlockHints {
  static readonly none = new BlockHints([]);
  readonly #ttl = new Map<string, TtlHint>();
  readonly #lookups = new Map<string, LookupHint>();
  readonly #strategies: { readonly name: string; readonly tables: readonly string[] }[] = [];
  readonly #named: NamedTable[] = [];

  constructor(hints: readonly HintNode[]) {
    for (const hint of hints) this.#read(hint);
  }

  /** Every table that a hint names must be in FROM. */
  check(tables: readonly ScopeTable[]): void {
    const isThere = (name: string) =>
      tables.some((table) => table.name === name || table.path.join(".").endsWith(`.${name}`));
    const missing = this.#named.filter(({ table }) => !isThere(table));
    if (missing.length === 0) return;
    const list = missing.map(({ hint, table }) => `\`${table}\` in \`${hint}\``).join(", ");
    throw validateErrors.HINT_INVALID(
      {
        hint: missing[0]!.hint,
        message: `The options of following hints cannot match the name of input tables or views: ${list}`,
      },
      { at: missing[0]!.node.span },
    );
  }

  /** For an aggregate over one table. */
  ttlOf(tables: readonly ScopeTable[]): TtlHint | undefined {
    const name = onlyName(tables);
    return name === undefined ? undefined : this.#ttl.get(name);
  }

  forJoin(left: readonly ScopeTable[], right: readonly ScopeTable[]): JoinHints {
    const leftName = onlyName(left);
    const rightName = onlyName(right);
    const leftTtl = this.ttlOf(left);
    const rightTtl = this.ttlOf(right);
    const lookup = rightName === undefined ? undefined : this.#lookups.get(rightName);
    const multiJoin = this.#strategies.some(
      ({ name, tables }) =>
        name === MULTI_JOIN &&
        [left, right].every((side) =>
          side.some(({ name: table }) => table !== undefined && tables.includes(table)),
        ),
    );
    const strategies = this.#strategies.flatMap(({ name, tables }) => {
      if (name === MULTI_JOIN && multiJoin) return [];
      const sides = [
        ...(leftName !== undefined && tables.includes(leftName) ? ["LEFT"] : []),
        ...(rightName !== undefined && tables.includes(rightName) ? ["RIGHT"] : []),
      ];
      return sides.length === 0 ? [] : [`${name} options:[${sides.join(", ")}]`];
    });
    return {
      ...(leftTtl === undefined ? {} : { leftTtl }),
      ...(rightTtl === undefined ? {} : { rightTtl }),
      ...(lookup === undefined ? {} : { lookup }),
      ...(strategies.length === 0 ? {} : { strategies }),
      ...(multiJoin ? { multiJoin } : {}),
    };
  }

  #read(hint: HintNode): void {
    const name = hint.name.name.toUpperCase();
    if (name === "STATE_TTL") this.#readTtl(hint);
    else if (name === "LOOKUP") this.#readLookup(hint);
    else if (JOIN_STRATEGIES.has(name)) this.#readStrategy(name, hint);
    else if (!OTHER_HINTS.has(name))
      throw invalid(hint, `there is no hint of that name; those there are: ${KNOWN}`);
  }

  #readTtl(hint: HintNode): void {
    const own = new Map<string, TtlHint>();
    for (const { key, value } of hint.options) {
      const ms = parseDuration(value);
      if (key === undefined || ms === undefined) throw invalid(hint, `'${value}' is no duration`);
      own.set(key, { ms, text: value });
    }
    if (own.size === 0)
      throw invalid(hint, "expecting at least one key-value options specified, such as 't' = '1d'");
    for (const [table, ttl] of own) {
      this.#named.push({ hint: "STATE_TTL", table, node: hint });
      if (!this.#ttl.has(table)) this.#ttl.set(table, ttl);
    }
  }

  #readLookup(hint: HintNode): void {
    const lookup = readLookupHint(hint);
    this.#named.push({ hint: "LOOKUP", table: lookup.table, node: hint });
    if (!this.#lookups.has(lookup.table)) this.#lookups.set(lookup.table, lookup);
  }

  #readStrategy(name: string, hint: HintNode): void {
    if (hint.options.length === 0)
      throw invalid(hint, "expecting at least one table or view specified");
    if (hint.options.some(({ key }) => key !== undefined))
      throw invalid(hint, "only names of tables or views are possible, not key-value options");
    const tables = hint.options.map(({ value }) => value);
    for (const table of tables) this.#named.push({ hint: name, table, node: hint });
    this.#strategies.push({ name, tables });
  }
}

const KNOWN = [...JOIN_STRATEGIES, "LOOKUP", "OPTIONS", "STATE_TTL"].sort().join(", ");

function invalid(hint: HintNode, message: string): Error {
  const name = hint.name.name.toUpperCase();
  return validateErrors.HINT_INVALID({ hint: name, message }, { at: hint.span });
}

function onlyName(tables: readonly ScopeTable[]): string | undefined {
  return tables.length === 1 ? tables[0]!.name : undefined;
}

/** Options of `t OPTIONS(…)`. */
export function dynamicOptions(
  hints: readonly HintNode[],
  option: (key: string) => string | undefined,
): Record<string, string> {
  const options: Record<string, string> = {};
  const allowed = option("table.dynamic-table-options.enabled")?.toLowerCase() !== "false";
  for (const hint of hints) {
    if (hint.name.name.toUpperCase() !== "OPTIONS") continue;
    if (!allowed)
      throw invalid(
        hint,
        "The 'OPTIONS' hint is allowed only when the config option 'table.dynamic-table-options.enabled' is set to true.",
      );
    for (const option of hint.options) if (option.key) options[option.key] = option.value;
  }
  return options;
}
