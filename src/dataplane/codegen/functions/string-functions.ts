/**
 * String functions that are kernels (kernels/strings.as.ts): positions count code points.
 *
 * Source: Flink SqlFunctionUtils and BinaryStringDataUtil.
 */
import { call, type Call, type Expression, literal } from "../../../foundation/plan/expression.ts";
import { types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import type { ExpressionContext } from "../expression-context.ts";
import { emitKernelCall } from "../expressions/kernel-call.ts";
import type { Value } from "../value.ts";
import type { FunctionTable, KernelFunction, ScalarFunction } from "./registry.ts";

type Extras = Omit<KernelFunction, "kind" | "kernel">;

const kernel = (name: KernelName, extras: Extras = {}): KernelFunction => ({
  kind: "kernel",
  kernel: name,
  ...extras,
});

/** The entry for calls with `count` arguments. */
const withArgs = (count: number, name: KernelName, extras: Extras = {}): KernelFunction =>
  kernel(name, { ...extras, accepts: (call) => call.args.length === count && allText(call) });

/** One step of a concatenation; no SQL function has this name. */
const CONCAT_PAIR = "CONCAT PAIR";
const LEADING = 1;
const TRAILING = 2;

/** TRIM(flag, characters, text); the flag is a literal. */
const TRIM: readonly KernelFunction[] = [
  kernel("trimBlanks", {
    pass: [2],
    extra: (call) => [trimSides(call)],
    accepts: (call) => isText(call.args[1], " "),
  }),
  kernel("trimSet", { pass: [2, 1], extra: (call) => [trimSides(call)] }),
];

const trimWith = (sides: number): readonly KernelFunction[] => [
  withArgs(1, "trimBlanks", { extra: () => [sides] }),
  withArgs(2, "trimSet", { extra: () => [sides] }),
];

export const stringFunctions: FunctionTable = {
  CHAR_LENGTH: kernel("charLength"),
  CHARACTER_LENGTH: kernel("charLength"),
  UPPER: kernel("upper"),
  LOWER: kernel("lower"),
  INITCAP: kernel("initcap"),
  SUBSTRING: [
    withArgs(2, "substringFrom", { mayBeNull: true }),
    withArgs(3, "substring", { mayBeNull: true }),
  ],
  SUBSTR: [
    withArgs(2, "substringFrom", { mayBeNull: true }),
    withArgs(3, "substring", { mayBeNull: true }),
  ],
  LEFT: kernel("left"),
  RIGHT: kernel("right"),
  TRIM,
  LTRIM: trimWith(LEADING),
  RTRIM: trimWith(TRAILING),
  BTRIM: trimWith(LEADING | TRAILING),
  POSITION: [withArgs(2, "position"), withArgs(3, "locateFrom")],
  LOCATE: [withArgs(2, "position"), withArgs(3, "locateFrom")],
  INSTR: [
    withArgs(2, "position", { pass: [1, 0] }),
    withArgs(3, "instr", { extra: () => [1], mayFail: true }),
    withArgs(4, "instr", { mayFail: true }),
  ],
  REPLACE: kernel("replace"),
  REVERSE: kernel("reverse"),
  REPEAT: kernel("repeat", { mayFail: true }),
  LPAD: kernel("pad", { extra: () => [0], mayBeNull: true, mayFail: true }),
  RPAD: kernel("pad", { extra: () => [1], mayBeNull: true, mayFail: true }),
  OVERLAY: [withArgs(3, "overlayAll"), withArgs(4, "overlay")],
  STARTSWITH: withArgs(2, "startsWith"),
  ENDSWITH: withArgs(2, "endsWith"),
  SPLIT_INDEX: kernel("splitIndex", {
    mayBeNull: true,
    accepts: (call) => call.args.length === 3 && allText(call) && isTextType(call.args[1]),
  }),
  ASCII: kernel("ascii"),
  CHR: kernel("chr"),
  TRANSLATE: [
    {
      kind: "compiled",
      accepts: ({ args }) => args[1]?.type.nullable === true,
      emit: emitTranslate,
    },
    kernel("translate"),
  ],
  CONCAT: { kind: "compiled", emit: emitConcat },
  CONCAT_OPERATOR: { kind: "compiled", emit: emitConcat, accepts: allText },
  [CONCAT_PAIR]: kernel("concat2"),
  LIKE: like(),
};

/** Concatenates from left to right, two at a time. */
function emitConcat(context: ExpressionContext, call: Call): Value {
  const pair = (a: Expression, b: Expression): Call => ({
    kind: "call",
    function: CONCAT_PAIR,
    args: [a, b],
    type: withNullable(call.type, a.type.nullable || b.type.nullable),
  });
  return context.compile(call.args.reduce(pair));
}

/** Without characters to translate, even NULL, TRANSLATE gives its text. */
function emitTranslate(context: ExpressionContext, translate: Call): Value {
  const [text, from, to] = translate.args as [Expression, Expression, Expression];
  const present = withNullable(from.type, false);
  const known = call("COALESCE", [from, literal("", present)], present);
  const type = withNullable(translate.type, true);
  const isNull = call("IS_NULL", [from], types.boolean(false));
  const translated: Call = { ...translate, args: [text, known, to], type };
  return context.compile(call("CASE", [isNull, text, translated], type));
}

/** LIKE(text, pattern[, escape]): literal patterns of one piece become one comparison. */
function like(): readonly ScalarFunction[] {
  const plain = (kernelName: KernelName, shape: RegExp): ScalarFunction => ({
    kind: "compiled",
    accepts: (call) => {
      const pattern = call.args.length === 2 ? literalText(call.args[1]) : undefined;
      return pattern !== undefined && !pattern.includes("_") && shape.test(pattern);
    },
    emit: (context, call) => {
      const pattern = literalText(call.args[1]) ?? "";
      const piece = { ...call.args[1]!, value: pattern.replaceAll("%", "") } as Expression;
      return emitKernelCall(context, { ...call, args: [call.args[0]!, piece] }, kernel(kernelName));
    },
  });
  return [
    plain("equalViews", /^[^%]*$/),
    plain("startsWith", /^[^%]+%$/),
    plain("endsWith", /^%[^%]+$/),
    plain("containsView", /^%[^%]+%$/),
    kernel("like", {
      pass: [0, 1],
      extra: (call) => [escapeCodePoint(call)],
      mayFail: true,
      accepts: (call) => call.args.length === 2 || literalText(call.args[2])?.length === 1,
    }),
  ];
}

function escapeCodePoint(call: Call): number {
  return literalText(call.args[2])?.codePointAt(0) ?? 0;
}

function trimSides(call: Call): number {
  const side = literalText(call.args[0]);
  return side === "LEADING" ? LEADING : side === "TRAILING" ? TRAILING : LEADING | TRAILING;
}

function literalText(expression: Expression | undefined): string | undefined {
  return expression?.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;
}

function isText(expression: Expression | undefined, text: string): boolean {
  return literalText(expression) === text;
}

function isTextType(expression: Expression | undefined): boolean {
  return expression?.type.kind === "CHAR" || expression?.type.kind === "VARCHAR";
}

/** Binary strings have functions of their own: their positions count bytes. */
function allText(call: Call): boolean {
  return isTextType(call.args[0]);
}
