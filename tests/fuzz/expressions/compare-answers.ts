/**
 * Compares two answers as values of the type that Flink's rules give: exact for integers, decimals, texts and times; within a
 * few units in the last place for FLOAT and DOUBLE.
 *
 * Rule:    a decimal of the peer that has more digits of fraction than ours is rounded half up to ours first.
 */
import type { FuzzCase, FuzzType } from "./fuzz-expression.ts";
import { isInteger } from "./fuzz-expression.ts";

export interface RowDifference {
  readonly row: number;
  readonly ours: string | null;
  readonly theirs: string | null;
}

const CURVED =
  /^(?:SQRT|EXP|LN|LOG|SIN|COS|TAN|ASIN|ACOS|ATAN|CBRT|POWER|DEG|RAD|STDDEV|VAR|AVG|SUM)/;

export function differences(
  one: FuzzCase,
  ours: readonly (string | null | undefined)[],
  theirs: readonly (string | null | undefined)[],
): RowDifference[] {
  const found: RowDifference[] = [];
  const loose = [...one.operations].some((name) => CURVED.test(name));
  ours.forEach((our, row) => {
    const their = theirs[row];
    if (our === undefined || their === undefined) return;
    if (!sameValue(one.type, our, their, loose)) found.push({ row, ours: our, theirs: their });
  });
  return found;
}

export function sameValue(
  type: FuzzType,
  ours: string | null,
  theirs: string | null,
  loose: boolean,
): boolean {
  if (ours === null || theirs === null) return ours === theirs;
  if (ours === theirs) return true;
  switch (type.kind) {
    case "BOOLEAN":
      return truth(ours) === truth(theirs);
    case "FLOAT":
      return close(Number(ours), number(theirs), loose ? 1e-4 : 2.4e-7);
    case "DOUBLE":
      return close(Number(ours), number(theirs), loose ? 1e-9 : 4e-15);
    case "DATE":
    case "TIME":
    case "TIMESTAMP":
      return moment(ours) === moment(theirs);
    default:
      return (isInteger(type) || type.kind === "DECIMAL") && sameDecimal(ours, theirs);
  }
}

/** Without zeros at the end of a fraction; years as ISO counts them: 1 BC is 0. */
function moment(text: string): string {
  const plain = text.replace(/^\+/, "").replace(/(\.\d*?)0+$/, "$1");
  const [, year, rest = ""] = /^(\d+)(.*?) ?\(?BC\)?$/.exec(plain) ?? [];
  const dated = year === undefined ? plain : `-${String(Number(year) - 1).padStart(4, "0")}${rest}`;
  return dated.replace(/\.$/, "").replace(/^-0000/, "0000");
}

const truth = (text: string) => text.toLowerCase().replace(/^t$/, "true").replace(/^f$/, "false");
const number = (text: string) =>
  Number(text.replace(/^(-?)inf(inity)?$/i, "$1Infinity").replace(/^nan$/i, "NaN"));

function close(a: number, b: number, tolerance: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

function sameDecimal(ours: string, theirs: string): boolean {
  const [a, b] = [parsed(ours), parsed(theirs)];
  if (a === undefined || b === undefined) return false;
  if (a.scale >= b.scale) return a.unscaled === b.unscaled * 10n ** BigInt(a.scale - b.scale);
  return a.unscaled === halfUp(b.unscaled, 10n ** BigInt(b.scale - a.scale));
}

function parsed(text: string): { readonly unscaled: bigint; readonly scale: number } | undefined {
  const match = /^(-?)(\d*)\.?(\d*)(?:[eE]\+?(-?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const power = Number(exponent);
  let unscaled = BigInt(`${whole}${fraction}` || "0") * (sign === "-" ? -1n : 1n);
  let scale = fraction.length - power;
  if (scale < 0) {
    unscaled *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { unscaled, scale };
}

function halfUp(value: bigint, divisor: bigint): bigint {
  const magnitude = value < 0n ? -value : value;
  const rounded = (magnitude + divisor / 2n) / divisor;
  return value < 0n ? -rounded : rounded;
}
