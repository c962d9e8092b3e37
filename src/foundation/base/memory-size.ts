/**
 * Sizes of memory as Flink's options write them: `512 mb`, `2g`, `1 kibibytes`; a bare number is bytes.
 *
 * Errors:  none here: whoever asked for the text knows the option and the place to name.
 * Source:  Flink MemorySize.parse.
 */
const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * Bytes; undefined when `text` is no size.
 *
 * ```ts
 * parseMemorySize("150 mb"); // 157286400
 * parseMemorySize("much"); // undefined
 * ```
 */
export function parseMemorySize(text: string): number | undefined {
  const match = /^\s*(\d+)\s*(?:(b|k|m|g|t)(?:b|ytes|ib|ibibytes)?)?\s*$/i.exec(text);
  return match === null ? undefined : Number(match[1]) * BYTES[(match[2] ?? "").toLowerCase()]!;
}
