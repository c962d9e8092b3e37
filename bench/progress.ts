/** Talk goes to standard error, so that standard output holds only tables and figures. */

const begun = performance.now();

export function progress(text: string): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`${seconds} s  ${text}\n`);
}

export function warn(text: string): void {
  process.stderr.write(`\n  WARNING: ${text}\n\n`);
}
