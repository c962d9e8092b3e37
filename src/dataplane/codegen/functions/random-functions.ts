/**
 * RAND and RAND_INTEGER with a seed or a bound: java.util.Random's numbers, so that a seed gives what it gives in Flink.
 *
 * A literal seed begins one sequence for the call; a seed from a column begins anew for every row.
 */
import type { Call } from "../../../foundation/plan/expression.ts";
import { eachRow } from "./column-rows.ts";
import type { ColumnFunction, FunctionTable } from "./registry.ts";

const MULTIPLIER = 0x5deece66dn;
const MASK = (1n << 48n) - 1n;

class JavaRandom {
  #state: bigint;

  constructor(seed: bigint) {
    this.#state = (seed ^ MULTIPLIER) & MASK;
  }

  next(bits: number): number {
    this.#state = (this.#state * MULTIPLIER + 0xbn) & MASK;
    return Number(BigInt.asIntN(32, this.#state >> BigInt(48 - bits)));
  }

  double(): number {
    return ((this.next(26) >>> 0) * 2 ** 27 + (this.next(27) >>> 0)) / 2 ** 53;
  }

  /** Uniform in [0, bound). */
  below(bound: number): number {
    const first = this.next(31);
    if ((bound & -bound) === bound) return Number((BigInt(bound) * BigInt(first)) >> 31n);
    let bits = first;
    while (bits - (bits % bound) + (bound - 1) > 0x7fffffff) bits = this.next(31);
    return bits % bound;
  }
}

function generators(call: Call): (seed: number) => JavaRandom {
  const literal = call.args[0]?.kind === "literal";
  let kept: JavaRandom | undefined;
  return (seed) => {
    if (!literal) return new JavaRandom(BigInt(seed));
    kept ??= new JavaRandom(BigInt(seed));
    return kept;
  };
}

const seeded: ColumnFunction = {
  kind: "column",
  deterministic: false,
  accepts: ({ args }) => args.length === 1,
  prepare: (call) => {
    const generatorOf = generators(call);
    return eachRow(({ args: [seed], out }, row) => {
      out.setNumber(row, generatorOf(seed!.number(row)).double());
    });
  },
};

const seededInteger: ColumnFunction = {
  kind: "column",
  deterministic: false,
  accepts: ({ args }) => args.length === 2,
  prepare: (call) => {
    const generatorOf = generators(call);
    return eachRow(({ args: [seed, bound], out }, row) => {
      out.setNumber(row, generatorOf(seed!.number(row)).below(bound!.number(row)));
    });
  },
};

const bounded: ColumnFunction = {
  kind: "column",
  deterministic: false,
  accepts: ({ args }) => args.length === 1,
  prepare: (_call, environment) =>
    eachRow(({ args: [bound], out }, row) => {
      out.setNumber(row, Math.floor(environment.random() * bound!.number(row)));
    }),
};

export const randomFunctions: FunctionTable = {
  RAND: seeded,
  RAND_INTEGER: [seededInteger, bounded],
};
