/**
 * Functions over regular expressions with a literal pattern, compiled once: REGEXP, REGEXP_EXTRACT, REGEXP_REPLACE,
 * REGEXP_COUNT, REGEXP_INSTR, REGEXP_SUBSTR, SIMILAR TO.
 *
 * Source: Flink SqlFunctionUtils; patterns are Java's (regex/regex-parser.ts). A pattern that is none gives NULL (REGEXP: FALSE),
 * as in Flink 2.3; the empty one is found nowhere by REGEXP. Quadratic cost is possible only in REGEXP_REPLACE with very many matches in one text.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Call, Expression } from "../../../foundation/plan/expression.ts";
import type { KernelName } from "../../kernels/kernels.generated.ts";
import { codegenErrors, NOT_WELL_FORMED } from "../errors.ts";
import type { ExpressionContext } from "../expression-context.ts";
import { compileRegex, type RegexProgram, RegexTooLarge } from "./regex/regex-program.ts";
import { similarToRegex } from "./regex/similar-to.ts";
import type { FunctionTable, ScalarFunction } from "./registry.ts";

const NONE = 0xffffffff;

interface RegexCall {
  readonly kernel: KernelName;
  /** Pushes what stands between the text and the program. */
  readonly between?: (context: ExpressionContext, call: Call) => void;
  readonly mayBeNull?: boolean;
  readonly args?: readonly number[];
  /** A literal that is no expression is left to the column function, which gives NULL. */
  readonly lenient?: boolean;
  /** The empty pattern is left to the column function, too. */
  readonly noEmpty?: boolean;
}

/** text, pattern literal, … → kernel(text, …, program). */
function regexFunction(
  spec: RegexCall,
  toPattern: (call: Call) => string | undefined = literalPattern,
): ScalarFunction {
  return {
    kind: "compiled",
    accepts: (call) => {
      const pattern = toPattern(call);
      if (pattern === "" && spec.noEmpty === true) return false;
      return pattern !== undefined && (spec.lenient !== true || isRegex(pattern, call.function));
    },
    emit: (context, call) => {
      const program = programOf(toPattern(call)!, call.function);
      const used = spec.args ?? [0];
      const values = used
        .filter((index) => index < call.args.length)
        .map((index) => context.compile(call.args[index]!));
      const code = context.constantPtr(program.bytes);
      const body = () => {
        for (const value of values) context.pushAll(value);
        spec.between?.(context, call);
        context.f.get(code).call(context.kernel(spec.kernel));
        context.checkFailed(call);
        if (spec.mayBeNull) context.pushKernelNull();
      };
      return spec.mayBeNull
        ? context.strictNullable(call.type, values, body)
        : context.strict(call.type, values, { guard: true }, body);
    },
  };
}

const replaceAll: ScalarFunction = {
  kind: "compiled",
  accepts: (call) => {
    const pattern = literalPattern(call);
    if (pattern === undefined || textOf(call.args[2]) === undefined) return false;
    return isRegex(pattern, call.function);
  },
  emit: (context, call) => {
    const program = programOf(literalPattern(call)!, call.function);
    const pieces = replacementPieces(textOf(call.args[2])!);
    const text = context.compile(call.args[0]!);
    const code = context.constantPtr(program.bytes);
    const list = context.constantPtr(pieces);
    return context.strict(call.type, [text], { guard: true }, () => {
      context.push(text).get(code).get(list).call(context.kernel("regexReplace"));
      context.checkFailed(call);
    });
  },
};

/** A replacement as the kernel takes it: one piece of text, since Flink takes `$1` and backslashes as they stand. */
export function replacementPieces(text: string): Uint8Array {
  return encodePieces(text === "" ? [] : [{ group: NONE, text }]);
}

function encodePieces(pieces: readonly { group: number; text: string }[]): Uint8Array {
  const texts = pieces.map((piece) => new TextEncoder().encode(piece.text));
  let offset = 4 + pieces.length * 12;
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + text.length, offset));
  const data = new DataView(bytes.buffer);
  data.setUint32(0, pieces.length, true);
  pieces.forEach(({ group }, index) => {
    const text = texts[index]!;
    data.setUint32(4 + index * 12, group, true);
    data.setUint32(8 + index * 12, offset, true);
    data.setUint32(12 + index * 12, text.length, true);
    bytes.set(text, offset);
    offset += text.length;
  });
  return bytes;
}

const programs = new Map<string, RegexProgram>();
const MAX_PROGRAMS = 256;

export function programOf(pattern: string, functionName: string): RegexProgram {
  const known = programs.get(pattern);
  if (known !== undefined) return known;
  try {
    const program = compileRegex(pattern, functionName);
    if (programs.size >= MAX_PROGRAMS) programs.clear();
    programs.set(pattern, program);
    return program;
  } catch (error) {
    if (!(error instanceof RegexTooLarge)) throw error;
    throw codegenErrors.VALUE_TOO_LARGE(
      { function: functionName, where: "regular expression" },
      { value: pattern.slice(0, 80) },
    );
  }
}

function isRegex(pattern: string, functionName: string): boolean {
  try {
    programOf(pattern, functionName);
    return true;
  } catch (error) {
    if (error instanceof MillraceError && error.code === NOT_WELL_FORMED) return false;
    throw error;
  }
}

function literalPattern(call: Call): string | undefined {
  return textOf(call.args[1]);
}

function textOf(expression: Expression | undefined): string | undefined {
  return expression?.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;
}

const pushGroup = (context: ExpressionContext, call: Call) => {
  if (call.args[2] === undefined) context.f.i32(0);
};

export const regexFunctions: FunctionTable = {
  REGEXP: regexFunction({ kernel: "regexFind", lenient: true, noEmpty: true }),
  REGEXP_EXTRACT: regexFunction({
    kernel: "regexExtract",
    args: [0, 2],
    between: pushGroup,
    mayBeNull: true,
    lenient: true,
  }),
  REGEXP_SUBSTR: regexFunction({
    kernel: "regexExtract",
    between: (context) => {
      context.f.i32(0);
    },
    mayBeNull: true,
    lenient: true,
  }),
  REGEXP_COUNT: regexFunction({ kernel: "regexCount", lenient: true }),
  REGEXP_INSTR: regexFunction({ kernel: "regexInstr", lenient: true }),
  REGEXP_REPLACE: replaceAll,
  SIMILAR_TO: regexFunction({ kernel: "regexFind" }, (call) => {
    const pattern = literalPattern(call);
    const escapeText = call.args[2] === undefined ? undefined : textOf(call.args[2]);
    return pattern === undefined ? undefined : similarToRegex(pattern, escapeText);
  }),
};
