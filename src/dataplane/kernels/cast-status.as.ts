/**
 * How kernels that generated code calls report what does not fit into one return value.
 *
 * Layout:  STATUS, static:  0 u32 error code (0 = none) · 4 u32 row · 8 u32 call site · 12 u32 result is NULL
 *                          16 i64 text that the error names (view) · 24 i64 reserved · 32 RESULT (16 bytes)
 * Flow:    generated code clears nothing beforehand: it resets the NULL word when it has read it, and returns at once
 *          when the code is not 0; the TypeScript wrapper throws the catalogue error and clears the code.
 */
const STATUS: usize = memory.data(48, 16);

/** Where a kernel leaves an i128 (lo, hi) or ts128 (millis, nanos). */
export const RESULT: usize = STATUS + 32;

/** One byte 1 for each row of the largest batch: the validity of a column without NULLs. */
const ONES: usize = memory.data(8192, 16);
const ONES_LENGTH: usize = 8192;

/** Address of the status struct; fills the constants beside it. */
export function codegenStatus(): usize {
  memory.fill(ONES, 1, ONES_LENGTH);
  return STATUS;
}

export function codegenOnes(): usize {
  return ONES;
}

// @ts-ignore: decorator
@inline
export function setNull(): void {
  store<u32>(STATUS, 1, 12);
}

/** Codes: codegen/errors.ts, EXPRESSION_ERRORS. */
export function setError(code: u32, text: u64): void {
  store<u32>(STATUS, code);
  store<u64>(STATUS, text, 16);
}

// @ts-ignore: decorator
@inline
export function setResult(first: u64, second: u64): void {
  store<u64>(RESULT, first);
  store<u64>(RESULT, second, 8);
}
