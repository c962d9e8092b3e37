/**
 * What the validator knows of a function: kind, argument forms, result type, determinism.
 *
 * Argument forms are texts of tokens: "S I I?" = string, integer, optional integer; a trailing * repeats the last token.
 *   S character   SL character, others converted   B binary    SB either    I integer→INT   BI integer up to INT→INT   L integer→BIGINT
 *   N numeric     D numeric→DOUBLE   BOOL   TS timestamp   DATE   T date, time or timestamp   IV interval   ANY
 *   ARR  MAP  VAR variant  BMP bitmap  AS array of strings  AI array of INT  AF array of numbers→DOUBLE
 *   FR number from 0 to 1→DOUBLE   C comparable with the others  ROW
 * Flow:    functions/*.ts → function-catalog.ts → validator. `null` literals match every token.
 */
import {
  type LogicalType,
  typeEquals,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import type { ProcessDeclaration } from "../../../foundation/plan/process-table-function.ts";
import type { Expression } from "../../../foundation/plan/expression.ts";
import {
  isBinary,
  isCharacter,
  isDatetime,
  isInteger,
  isInterval,
  isNull,
  isNumeric,
  isTimestamp,
  leastRestrictive,
} from "../validator/type-system.ts";

export type FunctionCategory = "scalar" | "aggregate" | "window" | "table";

export interface FunctionDefinition {
  readonly name: string;
  readonly category: FunctionCategory;
  /** As error messages and completion show them. */
  readonly forms: readonly string[];
  readonly deterministic: boolean;
  /** For CALL only. */
  readonly procedure?: boolean;
  /** A process table function: its arguments may be tables, and bind() is not asked. */
  readonly process?: ProcessDeclaration & { readonly className: string };
  /** Undefined: the arguments do not fit. `casts[i]` is the type that argument i is converted to. */
  bind(args: readonly Expression[]): Binding | undefined;
  /** What is wrong with arguments that do not fit, when there is more to say than the forms. */
  readonly explain?: Explain;
}

export type Explain = (args: readonly Expression[]) => string | undefined;

export interface Binding {
  readonly type: LogicalType;
  readonly casts?: readonly (LogicalType | undefined)[];
}

export type ReturnRule = (
  args: readonly LogicalType[],
  values: readonly Expression[],
) => LogicalType | undefined;

export const anyNullable = (args: readonly LogicalType[]): boolean => args.some((t) => t.nullable);

/** A type that is nullable when an argument is. */
export const ifArgs =
  (make: (nullable: boolean) => LogicalType): ReturnRule =>
  (args) =>
    make(anyNullable(args));
/** A nullable type whatever the arguments. */
export const nullableOf =
  (make: (nullable: boolean) => LogicalType): ReturnRule =>
  () =>
    make(true);
export const notNull =
  (make: (nullable: boolean) => LogicalType): ReturnRule =>
  () =>
    make(false);
/** The type of argument `index`, nullable when any argument is. */
export const sameAs =
  (index: number): ReturnRule =>
  (args) =>
    withNullable(args[index]!, anyNullable(args));
export const forceNullable =
  (rule: ReturnRule): ReturnRule =>
  (args, values) => {
    const type = rule(args, values);
    return type && withNullable(type, true);
  };
/** The common type of all arguments. */
export const common: ReturnRule = (args) => leastRestrictive(args);

interface Form {
  readonly tokens: readonly { readonly token: string; readonly optional: boolean }[];
  readonly repeated: boolean;
  readonly minimum: number;
}

function parseForm(text: string): Form {
  const words = text.split(" ").filter((word) => word !== "");
  const repeated = words.at(-1)?.endsWith("*") ?? false;
  const tokens = words.map((word) => ({
    token: word.replace(/[?*]$/, ""),
    optional: /[?*]$/.test(word),
  }));
  return { tokens, repeated, minimum: tokens.filter((token) => !token.optional).length };
}

interface Match {
  readonly cast?: LogicalType;
}

function matchToken(token: string, type: LogicalType): Match | undefined {
  if (isNull(type)) return nullCast(token);
  const plain = TESTS[token];
  if (plain !== undefined) return plain(type) ? {} : undefined;
  switch (token) {
    case "SL":
      if (isCharacter(type)) return {};
      return isNumeric(type) || isDatetime(type) || type.kind === "BOOLEAN"
        ? { cast: types.string(type.nullable) }
        : undefined;
    case "I":
      return convert(type, isInteger, types.int(type.nullable));
    case "BI":
      return type.kind === "BIGINT"
        ? undefined
        : convert(type, isInteger, types.int(type.nullable));
    case "L":
      return convert(type, isInteger, types.bigint(type.nullable));
    case "D":
      return convert(type, isNumeric, types.double(type.nullable));
    default:
      return arrayToken(token, type);
  }
}

function arrayToken(token: string, type: LogicalType): Match | undefined {
  if (type.kind !== "ARRAY") return undefined;
  if (token === "AF")
    return isNumeric(type.element) && !type.element.nullable && !type.nullable
      ? { cast: types.array(types.double(false), false) }
      : undefined;
  if (token === "AS")
    return isNull(type.element) || isCharacter(type.element)
      ? { cast: types.array(types.string(), type.nullable) }
      : undefined;
  return isNull(type.element) ||
    type.element.kind === "INTEGER" ||
    type.element.kind === "SMALLINT" ||
    type.element.kind === "TINYINT"
    ? { cast: types.array(types.int(), type.nullable) }
    : undefined;
}

/** A number from 0 to 1; what is no literal is looked at when it runs. */
function matchFraction({ type, ...rest }: Expression): Match | undefined {
  if (type.nullable || !isNumeric(type)) return undefined;
  const value = rest.kind === "literal" ? Number(rest.value) : 0;
  const negative = rest.kind === "call" && rest.function === "UNARY_MINUS";
  if (negative || !(value >= 0 && value <= 1)) return undefined;
  return convert(type, isNumeric, types.double(false));
}

function convert(
  type: LogicalType,
  test: (t: LogicalType) => boolean,
  to: LogicalType,
): Match | undefined {
  if (!test(type)) return undefined;
  return type.kind === to.kind ? {} : { cast: to };
}

const TESTS: Readonly<Record<string, (type: LogicalType) => boolean>> = {
  S: isCharacter,
  B: isBinary,
  SB: (t) => isCharacter(t) || isBinary(t),
  N: isNumeric,
  INT: isInteger,
  BOOL: (t) => t.kind === "BOOLEAN",
  TS: isTimestamp,
  DATE: (t) => t.kind === "DATE",
  T: isDatetime,
  IV: isInterval,
  ANY: () => true,
  C: () => true,
  ARR: (t) => t.kind === "ARRAY",
  MAP: (t) => t.kind === "MAP",
  VAR: (t) => t.kind === "VARIANT",
  BMP: (t) => t.kind === "BITMAP",
  ROW: (t) => t.kind === "ROW" || t.kind === "STRUCTURED",
};

/** What a bare NULL becomes; tokens without one type keep it. */
function nullCast(token: string): Match {
  const to: Readonly<Record<string, LogicalType>> = {
    S: types.string(),
    SL: types.string(),
    SB: types.string(),
    B: types.bytes(),
    I: types.int(),
    BI: types.int(),
    INT: types.int(),
    L: types.bigint(),
    D: types.double(),
    N: types.int(),
    BOOL: types.boolean(),
    TS: types.timestamp(3),
    T: types.timestamp(3),
    DATE: types.date(),
    AS: types.array(types.string()),
    AI: types.array(types.int()),
    VAR: { kind: "VARIANT", nullable: true },
    BMP: { kind: "BITMAP", nullable: true },
  };
  const cast = to[token];
  return cast === undefined ? {} : { cast };
}

/** Tries the forms in order; arguments marked C take their common type. */
export function bindForms(
  forms: readonly Form[],
  args: readonly Expression[],
): (LogicalType | undefined)[] | undefined {
  for (const form of forms) {
    if (args.length < form.minimum) continue;
    if (args.length > form.tokens.length && !form.repeated) continue;
    const casts: (LogicalType | undefined)[] = [];
    const commons: number[] = [];
    const fits = args.every((arg, i) => {
      const { token } = form.tokens[Math.min(i, form.tokens.length - 1)]!;
      const match = token === "FR" ? matchFraction(arg) : matchToken(token, arg.type);
      if (match === undefined) return false;
      casts.push(match.cast);
      if (token === "C") commons.push(i);
      return true;
    });
    if (!fits) continue;
    if (commons.length > 0 && !castCommon(args, commons, casts)) continue;
    return casts;
  }
  return undefined;
}

function castCommon(
  args: readonly Expression[],
  indexes: readonly number[],
  casts: (LogicalType | undefined)[],
): boolean {
  const type = leastRestrictive(indexes.map((i) => args[i]!.type));
  if (type === undefined) return false;
  for (const i of indexes) {
    const own = args[i]!.type;
    if (!typeEquals(own, type, { ignoreNullability: true }))
      casts[i] = withNullable(type, own.nullable);
  }
  return true;
}

export interface ScalarOptions {
  readonly deterministic?: boolean;
  readonly category?: FunctionCategory;
  readonly explain?: Explain;
}

/** A function by its argument forms and one rule for the result (after the conversions). */
export function fn(
  name: string,
  forms: readonly string[],
  returns: ReturnRule,
  options: ScalarOptions = {},
): FunctionDefinition {
  const parsed = forms.map(parseForm);
  return {
    name,
    category: options.category ?? "scalar",
    forms: forms.map((form) => `${name}(${describe(form)})`),
    deterministic: options.deterministic ?? true,
    ...(options.explain === undefined ? {} : { explain: options.explain }),
    bind(args) {
      const casts = bindForms(parsed, args);
      if (casts === undefined) return undefined;
      const after = args.map((arg, i) => casts[i] ?? arg.type);
      const type = returns(after, args);
      return type && { type, casts };
    },
  };
}

const WORDS: Readonly<Record<string, string>> = {
  S: "<CHARACTER_STRING>",
  SL: "<CHARACTER_STRING>",
  B: "<BINARY_STRING>",
  SB: "<STRING>",
  I: "<INTEGER>",
  BI: "<INTEGER>",
  FR: "<NUMERIC>",
  AF: "ARRAY<NUMERIC>",
  INT: "<INTEGER_NUMERIC>",
  L: "<INTEGER_NUMERIC>",
  N: "<NUMERIC>",
  D: "<NUMERIC>",
  BOOL: "<BOOLEAN>",
  TS: "<TIMESTAMP>",
  T: "<DATETIME>",
  IV: "<INTERVAL>",
  C: "<COMMON>",
  ARR: "<ARRAY>",
  AS: "ARRAY<STRING>",
  AI: "ARRAY<INT>",
  VAR: "<VARIANT>",
  BMP: "<BITMAP>",
};

function describe(form: string): string {
  const words = form.split(" ").filter((word) => word !== "");
  return words
    .map((word) => {
      const token = word.replace(/[?*]$/, "");
      const text = WORDS[token] ?? `<${token}>`;
      if (word.endsWith("*")) return `${text}...`;
      return word.endsWith("?") ? `[${text}]` : text;
    })
    .join(", ");
}
