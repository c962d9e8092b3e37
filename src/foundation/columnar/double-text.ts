/** FLOAT and DOUBLE as Java prints them. Source: Double.toString and Float.toString of Java 19 and later. */

/** Double.toString: 1.0, 1.0E10, 1.234E-5, NaN, Infinity. */
export function formatDouble(value: number): string {
  // Java prefers the nearest of two digits to the only one: 4.9E-324, not 5.0E-324.
  const tiny = Math.abs(value) < 1e-321 && /^-?\de/.test(String(value));
  return javaFloating(value, tiny ? value.toPrecision(2) : String(value));
}

/** Float.toString: the shortest digits, at least two, that give the same FLOAT. */
export function formatFloat(value: number): string {
  let text = String(value);
  for (let digits = 2; digits <= 9; digits++) {
    const candidate = value.toPrecision(digits);
    if (Math.fround(Number(candidate)) === value) {
      text = evenAtTie(value, digits) ?? candidate;
      break;
    }
  }
  return javaFloating(value, text);
}

/** Half-way between two texts of so many digits Java takes the even one, toPrecision() the larger. */
function evenAtTie(value: number, digits: number): string | undefined {
  const match = /^(-?)(\d)\.(\d+)e(.+)$/.exec(value.toExponential(60));
  if (match === null) return undefined;
  const [, sign, first = "", rest = "", exponent] = match;
  const tie = /^50*$/.test(rest.slice(digits - 1)) && "02468".includes(rest[digits - 2] ?? "");
  return tie ? `${sign}${first}.${rest.slice(0, digits - 1)}e${exponent}` : undefined;
}

function javaFloating(value: number, text: string): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return `${sign}0.0`;
  const { digits, exponent } = significant(text);
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
    const padded = digits.padEnd(exponent + 2, "0");
    return `${sign}${padded.slice(0, exponent + 1)}.${padded.slice(exponent + 1)}`;
  }
  return `${sign}${digits[0]}.${digits.slice(1) || "0"}E${exponent}`;
}

/** Digits without surrounding zeros, and the power of ten of the first. */
function significant(text: string): { digits: string; exponent: number } {
  const match = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  const whole = match?.[1] ?? "0";
  const all = whole + (match?.[2] ?? "");
  const zeros = /^0*/.exec(all)![0].length;
  const exponent = whole.length - 1 - zeros + Number(match?.[3] ?? 0);
  return { digits: all.slice(zeros).replace(/0+$/, "") || "0", exponent };
}
