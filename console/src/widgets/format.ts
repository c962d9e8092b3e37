/** Numbers and times as the console prints them; unknown is a dash, never a zero. */
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const DASH = "—";

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : whole.format(value);
}

export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  return `${value < 100 ? fine.format(value) : whole.format(value)}/s`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 ? whole.format(scaled) : fine.format(scaled)} ${units[unit]}`;
}

/** Event time without a zone, as SQL prints it. */
export function timestamp(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return DASH;
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return DASH;
  if (ms < 1000) return `${whole.format(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function ago(atMs: number, nowMs: number): string {
  return `${duration(Math.max(0, Math.round((nowMs - atMs) / 1000) * 1000)).replace(/^0 ms$/, "0 s")} ago`;
}
