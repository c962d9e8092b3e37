/**
 * Draws random well-typed expressions: the text for Flink (and us) and the text for the peer, built side by side.
 *
 * Flow:    seed → here, over operations.ts → cases.
 * Limits:  MAX_DEPTH operations above each other; where no operation fits, a column or a literal.
 */
import {
  type Expr,
  type FuzzCase,
  type FuzzType,
  type Kind,
  type Peer,
  decimal,
  isApproximate,
  isInteger,
  simple,
  timestamp,
  typeText,
} from "./fuzz-expression.ts";
import { COLUMNS } from "./fuzz-table.ts";

const MAX_DEPTH = 3;
const TRIES = 8;
const GROUPED_IN = 10;

/** Makes an expression of `kind`; undefined when these arguments do not fit. */
export interface Operation {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly peers?: readonly Peer[];
  make(draw: Generator, kind: Kind, depth: number): Expr | undefined;
}

/** A template's text per dialect; `$1` is the first argument. */
export interface Texts {
  readonly flink: string;
  readonly duckdb?: string;
  readonly postgres?: string;
}

const ROOT_KINDS: readonly Kind[] = [
  "BOOLEAN",
  "TINYINT",
  "SMALLINT",
  "INT",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "DECIMAL",
  "DECIMAL",
  "VARCHAR",
  "VARCHAR",
  "DATE",
  "TIME",
  "TIMESTAMP",
];

export class Generator {
  readonly next: (below: number) => number;
  readonly peer: Peer;
  readonly #scalar = new Map<Kind, Operation[]>();
  readonly #grouped: readonly Operation[];

  constructor(
    next: (below: number) => number,
    peer: Peer,
    scalar: readonly Operation[],
    grouped: readonly Operation[],
  ) {
    this.next = next;
    this.peer = peer;
    const shared = ({ peers }: Operation) =>
      peer === "flink" || peers === undefined || peers.includes(peer);
    this.#grouped = grouped.filter(shared);
    for (const operation of scalar.filter(shared)) {
      for (const kind of operation.kinds) {
        const list = this.#scalar.get(kind) ?? [];
        list.push(operation);
        this.#scalar.set(kind, list);
      }
    }
  }

  case(id: number): FuzzCase {
    const grouped = this.next(GROUPED_IN) === 0;
    for (;;) {
      const made = grouped
        ? this.#make(this.pick(this.#grouped), MAX_DEPTH)
        : this.expr(this.pick(ROOT_KINDS), MAX_DEPTH);
      if (made !== undefined && made.operations.size > 0) return { ...made, id, grouped };
    }
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)]!;
  }

  chance(oneIn: number): boolean {
    return this.next(oneIn) === 0;
  }

  expr(kind: Kind, depth: number): Expr {
    const operations = this.#scalar.get(kind) ?? [];
    if (depth > 0 && operations.length > 0 && !this.chance(7)) {
      for (let i = 0; i < TRIES; i++) {
        const made = this.#make(this.pick(operations), depth, kind);
        if (made !== undefined) return made;
      }
    }
    const literal = this.chance(3) || kind === "DAY_INTERVAL" || kind === "MONTH_INTERVAL";
    return literal ? this.literal(kind) : this.column(kind);
  }

  #make(operation: Operation, depth: number, kind?: Kind): Expr | undefined {
    return operation.make(this, kind ?? this.pick(operation.kinds), depth - 1);
  }

  column(kind: Kind): Expr {
    const { name, type } = this.pick(COLUMNS.filter((column) => column.type.kind === kind));
    return leaf(type, name, name, [name]);
  }

  /** Arguments replace $1, $2 …; the outer parentheses make precedence the generator's, not the parsers'. */
  build(name: string, type: FuzzType, args: readonly Expr[], template: string | Texts): Expr {
    const texts: Texts = typeof template === "string" ? { flink: template } : template;
    const fill = (text: string, side: "flink" | "peer") =>
      text.replaceAll(/\$(\d)/g, (_, index: string) => args[Number(index) - 1]![side]);
    return {
      type,
      root: name,
      operations: new Set([name, ...args.flatMap(({ operations }) => [...operations])]),
      columns: new Set(args.flatMap(({ columns }) => [...columns])),
      flink: fill(texts.flink, "flink"),
      peer: fill(texts[this.peer] ?? texts.flink, "peer"),
    };
  }

  /** CAST in the peer only, where it would compute in another type. */
  peerCast(expr: Expr, type: FuzzType): Expr {
    if (this.peer === "flink") return expr;
    if (expr.type.kind === type.kind && type.kind !== "DECIMAL") return expr;
    return { ...expr, peer: `CAST(${expr.peer} AS ${typeText(type, this.peer)})` };
  }

  literal(kind: Kind): Expr {
    switch (kind) {
      case "BOOLEAN":
        return this.#cast(simple(kind), this.pick(["TRUE", "FALSE"]));
      case "INT":
        return this.number(simple(kind), this.pick(["0", "1", "-1", "2", "3", "10", "-7", "1000"]));
      case "TINYINT":
      case "SMALLINT":
      case "BIGINT":
      case "FLOAT":
      case "DOUBLE":
        return this.#literalNumber(simple(kind));
      case "DECIMAL": {
        const [text, p, s] = this.pick([
          ["1.5", 2, 1],
          ["0.01", 3, 2],
          ["-2.345", 4, 3],
          ["100.00", 5, 2],
          ["12345.6789", 9, 4],
          ["0.5", 2, 1],
        ] as const);
        return this.#cast(decimal(p, s), text);
      }
      case "VARCHAR": {
        const text = `'${this.pick(["", "a", "abc", "b", "Hello", " x ", "é", "%", "zz", "42"])}'`;
        return leaf(simple(kind), text, text);
      }
      case "DATE":
        return this.#dated(simple(kind), ["2024-02-29", "1999-12-31", "1970-01-01"]);
      case "TIME":
        return this.#dated(simple(kind), ["10:20:30", "00:00:00", "23:59:59"]);
      case "TIMESTAMP":
        return this.#dated(timestamp(3), ["2024-02-29 10:20:30.123", "2019-12-31 23:59:59.000"]);
      case "DAY_INTERVAL":
        return this.#interval(simple(kind), ["DAY", "HOUR", "MINUTE", "SECOND"]);
      case "MONTH_INTERVAL":
        return this.#interval(simple(kind), ["MONTH", "YEAR"]);
    }
  }

  number(type: FuzzType, text: string): Expr {
    const written = text.startsWith("-") ? `(${text})` : text;
    return leaf(type, written, written);
  }

  #literalNumber(type: FuzzType): Expr {
    const text = isInteger(type)
      ? this.pick(["0", "1", "-1", "5", "-100", "127"])
      : this.pick(["0", "1", "-0.5", "2.5", "1000", "0.125"]);
    return this.#cast(type, text);
  }

  #cast(type: FuzzType, text: string): Expr {
    if (type.kind === "BOOLEAN") return leaf(type, text, text);
    const cast = (name: Peer) => `CAST(${text} AS ${typeText(type, name)})`;
    return leaf(type, cast("flink"), cast(this.peer));
  }

  #dated(type: FuzzType, texts: readonly string[]): Expr {
    const text = `${type.kind} '${this.pick(texts)}'`;
    return leaf(type, text, text);
  }

  #interval(type: FuzzType, units: readonly string[]): Expr {
    const text = `INTERVAL '${this.pick(["1", "2", "5", "13"])}' ${this.pick(units)}`;
    return leaf(type, text, text);
  }
}

function leaf(type: FuzzType, flink: string, peer: string, columns: readonly string[] = []): Expr {
  return { type, root: "", operations: new Set(), columns: new Set(columns), flink, peer };
}

/** What Flink widens two numbers to: the wider integer, DECIMAL, FLOAT (with no DOUBLE or DECIMAL beside it), DOUBLE. */
export function widened(a: FuzzType, b: FuzzType): FuzzType {
  if (!isApproximate(a) && !isApproximate(b)) return isInteger(a) ? b : a;
  const isDouble = [a, b].some(({ kind }) => kind === "DOUBLE" || kind === "DECIMAL");
  return simple(isDouble ? "DOUBLE" : "FLOAT");
}
