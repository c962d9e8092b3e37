/** Where the decoding kernels of the text formats leave their results within their plan (offsets in bytes). */
export const PLAN_ROWS = 36;
export const PLAN_CONSUMED = 40;
export const PLAN_LINES = 44;
export const PLAN_BAD_COUNT = 48;
export const PLAN_BAD_LIST = 52;
export const BAD_RECORD_BYTES = 32;
