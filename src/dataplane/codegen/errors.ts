/** Errors of code generation and of generated code: MR4100 to MR4139. */
import { defineErrors } from "../../foundation/base/errors.ts";

export const codegenErrors = defineErrors({
  FUNCTION_UNSUPPORTED: {
    code: "MR4100",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "function {function} is not supported for arguments ({types})",
    hint: "Rewrite the expression with supported functions, or run the statement on a Flink target.",
  },
  DIVISION_BY_ZERO: {
    code: "MR4101",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "Division by zero in {function} ({where})",
    hint: "Guard the divisor, for example with NULLIF(divisor, 0).",
  },
  CAST_FAILED: {
    code: "MR4102",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "a value cannot be cast by {function} ({where})",
    hint: "Clean the input, or use TRY_CAST, which gives NULL for what cannot be cast.",
  },
  CAST_UNSUPPORTED: {
    code: "MR4103",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "cast from {from} to {to} is not supported",
    hint: "Cast through a type that both sides know, for example STRING.",
  },
  EXPRESSION_FAILED: {
    code: "MR4104",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{function} failed: {reason} ({where})",
    hint: "Check the arguments of the function.",
  },
  AGGREGATE_UNSUPPORTED: {
    code: "MR4105",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "aggregate {function} is not supported: {reason}",
    hint: "Rewrite the aggregate, or run the statement on a Flink target.",
  },
  TYPE_UNSUPPORTED: {
    code: "MR4106",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "type {type} is not supported in {where}",
    hint: "Cast the column to another type first.",
  },
  VALUE_TOO_LARGE: {
    code: "MR4107",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{function} got a value that is too large ({where})",
    hint: "Shorten the value before this operator.",
  },
  JSON_NOT_STRICT: {
    code: "MR4109",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message:
      "{function} failed: Strict jsonpath mode requires array or object value, and the actual value is:",
    hint: "Use WITH WRAPPER, or another ON ERROR than ERROR.",
  },
  SIMILAR_ESCAPE: {
    code: "MR4110",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{function} got a pattern with an Invalid escape sequence",
    hint: "The escape character stands before an operator of SIMILAR TO, or before itself.",
  },
  ARGUMENT_INVALID: {
    code: "MR4108",
    domain: "user",
    retryable: false,
    httpStatus: 422,
    message: "{function} got an invalid argument: {reason} ({where})",
    hint: "Check the arguments of the function.",
  },
});

/** Code of ARGUMENT_INVALID: what a pattern or replacement that is not well formed is refused with. */
export const NOT_WELL_FORMED = "MR4108";

/**
 * Codes in the status struct (kernels/cast-status.as.ts) by number. Kernels of other files use `failed` and
 * `invalidArgument`.
 */
export const EXPRESSION_ERRORS = {
  divisionByZero: 1,
  castFailed: 2,
  failed: 3,
  valueTooLarge: 4,
  invalidArgument: 5,
  /** Of kernels/aggregate-collections.as.ts. */
  tooManyElements: 6,
  percentage: 7,
} as const;

/** The catalogue error for a code of the status struct; `where` names operator and row, `value` is the row's. */
export function expressionError(
  code: number,
  params: { readonly function: string; readonly where: string },
  value: string,
) {
  const place = value === "" ? {} : { value };
  switch (code) {
    case EXPRESSION_ERRORS.divisionByZero:
      return codegenErrors.DIVISION_BY_ZERO(params, place);
    case EXPRESSION_ERRORS.castFailed:
      return codegenErrors.CAST_FAILED(params, place);
    case EXPRESSION_ERRORS.valueTooLarge:
      return codegenErrors.VALUE_TOO_LARGE(params, place);
    case EXPRESSION_ERRORS.tooManyElements:
      return codegenErrors.EXPRESSION_FAILED({
        ...params,
        function: "SINGLE_VALUE",
        reason: "SingleValueAggFunction received more than one element.",
      });
    case EXPRESSION_ERRORS.percentage:
      return codegenErrors.ARGUMENT_INVALID({
        ...params,
        function: "PERCENTILE",
        reason: `Percentage of PERCENTILE should be between [0.0, 1.0], but was '${value}'.`,
      });
    case EXPRESSION_ERRORS.invalidArgument:
      return codegenErrors.ARGUMENT_INVALID({ ...params, reason: "not in its domain" }, place);
    default:
      return codegenErrors.EXPRESSION_FAILED({ ...params, reason: "not in its domain" }, place);
  }
}
