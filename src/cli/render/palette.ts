/** Terminal colours, or none: NO_COLOR, --no-color and anything that is not a terminal turn them off. */
export interface Palette {
  error(text: string): string;
  warning(text: string): string;
  ok(text: string): string;
  info(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

const codes = { error: 31, warning: 33, ok: 32, info: 34, dim: 2, bold: 1 } as const;

export function makePalette(colour: boolean): Palette {
  const paint = (code: number) => (text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  return {
    error: paint(codes.error),
    warning: paint(codes.warning),
    ok: paint(codes.ok),
    info: paint(codes.info),
    dim: paint(codes.dim),
    bold: paint(codes.bold),
  };
}
