/**
 * QueryGenerator: random queries that mean the same in Flink SQL and in DuckDB's: joins of all kinds, subqueries, grouping,
 * set operations, Top-N, OVER, in any nesting up to MAX_DEPTH.
 *
 *          A global aggregate, also that of ROLLUP, asks for COUNT(*) > 0: over nothing Flink has no row where SQL has one.
 * Rules:   no division, no function whose name or type differs; sorts name every column and where NULLs go, so that what a
 *          LIMIT or a rank keeps does not depend on the order of ties.
 */
import { type Draw, eventQuery } from "./event-queries.ts";
import type { Random } from "../sql-grammar.ts";

export type ColumnType = "BIGINT" | "STRING" | "DECIMAL" | "BOOLEAN";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** A query in parentheses' place: text and columns. */
export interface Relation {
  readonly text: string;
  readonly columns: readonly Column[];
}

/** `boundedOnly`: as a stream it has no row where Flink has none: a global aggregate over nothing. */
export interface Query extends Relation {
  readonly boundedOnly: boolean;
}

export const TABLES: Readonly<Record<string, readonly Column[]>> = {
  a: [
    { name: "a1", type: "BIGINT" },
    { name: "a2", type: "BIGINT" },
    { name: "a3", type: "STRING" },
    { name: "a4", type: "DECIMAL" },
  ],
  b: [
    { name: "b1", type: "BIGINT" },
    { name: "b2", type: "STRING" },
    { name: "b3", type: "BOOLEAN" },
  ],
  c: [
    { name: "c1", type: "BIGINT" },
    { name: "c2", type: "BIGINT" },
  ],
};

const MAX_DEPTH = 3;
const GLOBAL_SHARE = 0.05;
const COMPARISONS = ["=", "<>", "<", "<=", ">", ">="] as const;
const SET_OPERATIONS = [
  "UNION ALL",
  "UNION",
  "INTERSECT",
  "INTERSECT ALL",
  "EXCEPT",
  "EXCEPT ALL",
] as const;
const JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] as const;

export class QueryGenerator {
  readonly #next: Random;
  #names = 0;
  readonly #draw: Draw = {
    below: (n) => this.#below(n),
    chance: (of) => this.#chance(of),
    pick: (from) => this.#pick(from),
    name: () => this.#name(),
    aggregate: (columns) => this.#aggregate(columns),
    condition: (columns) => this.#plainCondition(columns),
  };

  constructor(next: Random) {
    this.#next = next;
  }

  query(): Query {
    this.#names = 0;
    if (!this.#chance(GLOBAL_SHARE)) return { ...this.#relation(0), boundedOnly: false };
    const { text, columns } = this.#source(0);
    const calls = Array.from({ length: 3 }, () => this.#aggregate(columns));
    const named = calls.map((call) => ({ ...call, name: this.#name() }));
    const list = named.map((call) => `${call.text} AS ${call.name}`).join(", ");
    const where = ` WHERE ${this.#condition(columns, 0)}`;
    return { text: `SELECT ${list} FROM ${text}${where}`, columns: named, boundedOnly: true };
  }

  #below(n: number): number {
    return this.#next(n);
  }

  #chance(of: number): boolean {
    return this.#next(1000) < of * 1000;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }

  #name(): string {
    return `x${this.#names++}`;
  }

  #relation(depth: number): Relation {
    if (depth >= MAX_DEPTH) return this.#project(depth);
    const forms = [
      () => this.#project(depth),
      () => this.#project(depth),
      () => this.#joined(depth),
      () => this.#joined(depth),
      () => this.#grouped(depth),
      () => this.#grouped(depth),
      () => this.#setOperation(depth),
      () => this.#topN(depth),
      () => this.#over(depth),
      () => this.#limited(depth),
      () => eventQuery(this.#draw),
    ];
    return this.#pick(forms)();
  }

  /** A FROM item with an alias, and its columns qualified. */
  #source(depth: number): { readonly text: string; readonly columns: readonly Column[] } {
    const alias = this.#name();
    const qualified = (columns: readonly Column[]) =>
      columns.map(({ name, type }) => ({ name: `${alias}.${name}`, type }));
    if (depth >= MAX_DEPTH || this.#chance(0.5)) {
      const table = this.#pick(Object.keys(TABLES));
      return { text: `${table} AS ${alias}`, columns: qualified(TABLES[table]!) };
    }
    const { text, columns } = this.#relation(depth + 1);
    return { text: `(${text}) AS ${alias}`, columns: qualified(columns) };
  }

  #project(depth: number): Relation {
    const source = this.#source(depth);
    // DuckDB 1.5 drops duplicates below the LIMIT, too.
    const distinct = this.#chance(0.15) && !source.text.includes("LIMIT") ? "DISTINCT " : "";
    return this.#select(source.text, source.columns, depth, distinct);
  }

  #select(from: string, columns: readonly Column[], depth: number, distinct = ""): Relation {
    const parts = Array.from({ length: 1 + this.#below(3) }, () => this.#value(columns, 0));
    const named = parts.map(({ text, type }) => ({ text, name: this.#name(), type }));
    const list = named.map(({ text, name }) => `${text} AS ${name}`).join(", ");
    const where = this.#chance(0.5) ? ` WHERE ${this.#condition(columns, depth)}` : "";
    return { text: `SELECT ${distinct}${list} FROM ${from}${where}`, columns: named };
  }

  #joined(depth: number): Relation {
    let { text, columns } = this.#source(depth + 1);
    for (let i = 0; i < 1 + this.#below(2); i++) {
      const right = this.#source(depth + 1);
      const equal = this.#equality(columns, right.columns);
      if (equal === undefined) break;
      const all = [...columns, ...right.columns];
      const more = this.#chance(0.3) ? ` AND ${this.#plainCondition(all)}` : "";
      text += ` ${this.#pick(JOINS)} ${right.text} ON ${equal}${more}`;
      columns = all;
    }
    return this.#select(text, columns, depth);
  }

  #equality(left: readonly Column[], right: readonly Column[]): string | undefined {
    const pairs = left.flatMap((a) =>
      right.filter(({ type }) => type === a.type && type !== "DECIMAL").map((b) => [a, b] as const),
    );
    if (pairs.length === 0) return undefined;
    const [a, b] = this.#pick(pairs);
    if (this.#chance(0.1)) return `${a.name} IS NOT DISTINCT FROM ${b.name}`;
    if (a.type === "BIGINT" && this.#chance(0.2)) return `${a.name} + 1 = ${b.name}`;
    return `${a.name} = ${b.name}`;
  }

  #grouped(depth: number): Relation {
    const source = this.#chance(0.3) ? this.#joined(depth + 1) : undefined;
    const from = source === undefined ? this.#source(depth) : this.#aliased(source);
    const { columns } = from;
    const keys = this.#some(columns, this.#below(3));
    const calls = Array.from({ length: 1 + this.#below(3) }, () => this.#aggregate(columns));
    const named = [...keys.map(({ name, type }) => ({ text: name, type })), ...calls].map(
      (part) => ({ ...part, name: this.#name() }),
    );
    const list = named.map(({ text, name }) => `${text} AS ${name}`).join(", ");
    const where = this.#chance(0.4) ? ` WHERE ${this.#condition(columns, depth)}` : "";
    const condition = this.#chance(0.25)
      ? `${this.#aggregateOf("BIGINT", columns)} ${this.#pick(COMPARISONS)} ${this.#below(4)}`
      : "";
    const group = keys.length === 0 ? "" : ` GROUP BY ${this.#groupBy(keys)}`;
    const isGlobal = keys.length === 0 || group.includes("(");
    const all = [...(isGlobal ? ["COUNT(*) > 0"] : []), condition].filter((one) => one !== "");
    const having = all.length === 0 ? "" : ` HAVING ${all.join(" AND ")}`;
    return { text: `SELECT ${list} FROM ${from.text}${where}${group}${having}`, columns: named };
  }

  #groupBy(keys: readonly Column[]): string {
    const list = keys.map(({ name }) => name).join(", ");
    if (keys.length < 2 || this.#chance(0.7)) return list;
    const sets = keys.map(({ name }) => `(${name})`).join(", ");
    return this.#pick([
      `ROLLUP (${list})`,
      `CUBE (${list})`,
      `GROUPING SETS ((${list}), ${sets}, ())`,
    ]);
  }

  #aliased({ text, columns }: Relation): Relation {
    const alias = this.#name();
    const qualified = columns.map(({ name, type }) => ({ name: `${alias}.${name}`, type }));
    return { text: `(${text}) AS ${alias}`, columns: qualified };
  }

  #setOperation(depth: number): Relation {
    const types = Array.from({ length: 1 + this.#below(2) }, () =>
      this.#pick(["BIGINT", "STRING"] as const),
    );
    const names = types.map(() => this.#name());
    const side = () => {
      const { text, columns } = this.#source(depth + 1);
      const list = types.map((type, i) => `${this.#valueOf(type, columns, 0)} AS ${names[i]}`);
      return `SELECT ${list.join(", ")} FROM ${text}`;
    };
    const text = `${side()} ${this.#pick(SET_OPERATIONS)} ${side()}`;
    return { text, columns: types.map((type, i) => ({ name: names[i]!, type })) };
  }

  #topN(depth: number): Relation {
    const from = this.#source(depth + 1);
    const inner = this.#name();
    const rank = this.#name();
    const all = from.columns.map(({ name, type }) => ({ text: name, name: this.#name(), type }));
    const list = all.map(({ text, name }) => `${text} AS ${name}`).join(", ");
    const partition = this.#some(from.columns, this.#below(2)).map(({ name }) => name);
    const by = partition.length === 0 ? "" : `PARTITION BY ${partition.join(", ")} `;
    const number = `ROW_NUMBER() OVER (${by}ORDER BY ${this.#order(from.columns)}) AS ${rank}`;
    const columns: Column[] = all.map(({ name, type }) => ({ name, type }));
    if (this.#chance(0.3)) columns.push({ name: rank, type: "BIGINT" });
    const shown = columns.map(({ name }) => name).join(", ");
    const text =
      `SELECT ${shown} FROM (SELECT ${list}, ${number} FROM ${from.text}) AS ${inner}` +
      ` WHERE ${rank} <= ${1 + this.#below(3)}`;
    return { text, columns };
  }

  /** Rows that are equal in the order are peers: their frame is the same. */
  #over(depth: number): Relation {
    const from = this.#source(depth + 1);
    const [sort] = this.#some(from.columns, 1);
    const partition = this.#some(from.columns, 1).map(({ name }) => name);
    const keys = this.#some(from.columns, 1 + this.#below(2));
    const named = keys.map(({ name, type }) => ({ text: name, name: this.#name(), type }));
    const call = this.#overCall(from.columns);
    const value = { ...call, name: this.#name() };
    const window = `PARTITION BY ${partition.join(", ")} ORDER BY ${sort!.name} ${this.#pick(["ASC NULLS FIRST", "DESC NULLS LAST"])}`;
    const list = [...named.map(({ text, name }) => `${text} AS ${name}`)];
    return {
      text: `SELECT ${[...list, `${value.text} OVER (${window}) AS ${value.name}`].join(", ")} FROM ${from.text}`,
      columns: [...named, value].map(({ name, type }) => ({ name, type })),
    };
  }

  #overCall(columns: readonly Column[]): { readonly text: string; readonly type: ColumnType } {
    const number = columns.find(({ type }) => type === "BIGINT");
    if (number === undefined || this.#chance(0.3)) return { text: "COUNT(*)", type: "BIGINT" };
    return {
      text: `${this.#pick(["SUM", "MIN", "MAX", "COUNT"])}(${number.name})`,
      type: "BIGINT",
    };
  }

  #limited(depth: number): Relation {
    const { text, columns } = this.#relation(depth + 1);
    const alias = this.#name();
    const list = columns.map(({ name }) => ({ name: `${alias}.${name}` }));
    const order = this.#order(list as unknown as Column[]);
    const offset = this.#chance(0.2) ? ` OFFSET ${this.#below(3)}` : "";
    return {
      text: `SELECT * FROM (${text}) AS ${alias} ORDER BY ${order} LIMIT ${1 + this.#below(5)}${offset}`,
      columns,
    };
  }

  /** All columns, so that only equal rows are ties. */
  #order(columns: readonly Column[]): string {
    return this.#some(columns, columns.length)
      .map(({ name }) => `${name} ${this.#pick(["ASC NULLS FIRST", "DESC NULLS LAST"])}`)
      .join(", ");
  }

  /** Different ones, in any order. */
  #some<T>(from: readonly T[], count: number): T[] {
    const left = [...from];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0)
      taken.push(left.splice(this.#below(left.length), 1)[0]!);
    return taken;
  }

  #aggregate(columns: readonly Column[]): { readonly text: string; readonly type: ColumnType } {
    const type = this.#pick(["BIGINT", "BIGINT", "STRING"] as const);
    return { text: this.#aggregateOf(type, columns), type };
  }

  #aggregateOf(type: "BIGINT" | "STRING", columns: readonly Column[]): string {
    const filter = this.#chance(0.2) ? ` FILTER (WHERE ${this.#plainCondition(columns)})` : "";
    if (type === "STRING" && columns.some((column) => column.type === "STRING"))
      return `${this.#pick(["MIN", "MAX"])}(${this.#valueOf("STRING", columns, 0)})${filter}`;
    if (type === "STRING") return `CAST(COUNT(*)${filter} AS STRING)`;
    const { name } = this.#pick(columns);
    const number = this.#valueOf("BIGINT", columns, 0);
    const call = this.#pick([
      "COUNT(*)",
      `COUNT(${name})`,
      `COUNT(DISTINCT ${name})`,
      `SUM(${number})`,
      `SUM(DISTINCT ${number})`,
      `MIN(${number})`,
      `MAX(${number})`,
    ]);
    // DuckDB adds up in HUGEINT.
    return call.startsWith("SUM") ? `CAST(${call}${filter} AS BIGINT)` : `${call}${filter}`;
  }

  #value(
    columns: readonly Column[],
    depth: number,
  ): { readonly text: string; readonly type: ColumnType } {
    const { name, type } = this.#pick(columns);
    if (this.#chance(0.5)) return { text: name, type };
    const wanted = this.#pick(["BIGINT", "STRING"] as const);
    return { text: this.#valueOf(wanted, columns, depth), type: wanted };
  }

  #valueOf(type: "BIGINT" | "STRING", columns: readonly Column[], depth: number): string {
    const own = columns.filter((column) => column.type === type);
    const leaf = () => {
      if (own.length > 0 && this.#chance(0.8)) return this.#pick(own).name;
      return type === "BIGINT"
        ? String(this.#below(7) - 2)
        : `CAST(${this.#pick(["'a'", "'b'", "''", "'C'"])} AS STRING)`;
    };
    if (depth >= 2 || this.#chance(0.5)) return leaf();
    const deeper = () => this.#valueOf(type, columns, depth + 1);
    const condition = () => this.#plainCondition(columns);
    const common = [
      () => `CASE WHEN ${condition()} THEN ${deeper()} ELSE ${deeper()} END`,
      () => `COALESCE(${deeper()}, ${deeper()})`,
      () => `NULLIF(${deeper()}, ${deeper()})`,
    ];
    const forms =
      type === "BIGINT"
        ? [
            ...common,
            () => `(${deeper()} ${this.#pick(["+", "-", "*"])} ${deeper()})`,
            () => `ABS(${deeper()})`,
          ]
        : [...common, () => `(${deeper()} || ${deeper()})`, () => `UPPER(${deeper()})`];
    return this.#pick(forms)();
  }

  /** Without subqueries. */
  #plainCondition(columns: readonly Column[]): string {
    const type = this.#pick(["BIGINT", "BIGINT", "STRING"] as const);
    const left = this.#valueOf(type, columns, 1);
    const right = this.#valueOf(type, columns, 1);
    const forms = [
      () => `${left} ${this.#pick(COMPARISONS)} ${right}`,
      () => `${this.#pick(columns).name} IS ${this.#pick(["", "NOT "])}NULL`,
      () => `${left} IS ${this.#pick(["", "NOT "])}DISTINCT FROM ${right}`,
      () => `${left} IN (${right}, ${this.#valueOf(type, [], 2)})`,
      () => `(${left} = ${right} OR ${this.#pick(columns).name} IS NULL)`,
    ];
    return this.#pick(forms)();
  }

  #condition(columns: readonly Column[], depth: number): string {
    if (depth >= MAX_DEPTH || this.#chance(0.55)) return this.#plainCondition(columns);
    const inner = this.#source(depth + 1);
    const equal = this.#equality(inner.columns, columns);
    const correlated = equal === undefined ? "" : ` WHERE ${equal}`;
    const more = this.#chance(0.3)
      ? `${correlated === "" ? " WHERE" : " AND"} ${this.#plainCondition(inner.columns)}`
      : "";
    const type = this.#pick(["BIGINT", "STRING"] as const);
    const outer = this.#valueOf(type, columns, 1);
    const value = this.#valueOf(type, inner.columns, 1);
    // Without a correlation it is a global aggregate, which may be over nothing.
    const single =
      correlated === ""
        ? `${this.#pick(["MIN", "MAX"])}(${this.#valueOf("BIGINT", inner.columns, 1)})`
        : this.#aggregateOf("BIGINT", inner.columns);
    const forms = [
      () => `EXISTS (SELECT 1 FROM ${inner.text}${correlated}${more})`,
      () => `NOT EXISTS (SELECT 1 FROM ${inner.text}${correlated}${more})`,
      () => `${outer} IN (SELECT ${value} FROM ${inner.text})`,
      () => `${outer} NOT IN (SELECT ${value} FROM ${inner.text} WHERE ${value} IS NOT NULL)`,
      () =>
        `${this.#valueOf("BIGINT", columns, 1)} ${this.#pick(COMPARISONS)} (SELECT ${single} FROM ${inner.text}${correlated})`,
    ];
    return this.#pick(forms)();
  }
}
