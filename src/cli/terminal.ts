/** The process's streams as commands see them: data out, talk to stderr, colour where there is a terminal. */
import { makePalette, type Palette } from "./render/palette.ts";
import { VERSION } from "./version.ts";

export interface Terminal {
  /** Without the global flags. */
  readonly argv: readonly string[];
  readonly version: string;
  readonly palette: Palette;
  /** True when stdout is a terminal. */
  readonly interactive: boolean;
  /** True when stdin is a terminal. */
  readonly inputInteractive: boolean;
  readonly columns: number;
  /** Data: to stdout, as it is. */
  out(text: string): void;
  /** Talk: a line to stderr. */
  say(text: string): void;
  /** A line on stderr that the next one replaces; plain lines when stderr is no terminal. */
  progress(text: string): void;
}

export function createTerminal(argv: readonly string[]): Terminal {
  const { stdout, stderr, stdin, env } = process;
  const plain = argv.includes("--no-color") || (env.NO_COLOR ?? "") !== "";
  let pending = false;
  const clear = () => {
    if (pending) stderr.write("\r\x1b[K");
    pending = false;
  };
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    argv: argv.filter((arg) => arg !== "--no-color"),
    version: VERSION,
    palette: makePalette(!plain && stderr.isTTY === true),
    interactive: stdout.isTTY === true,
    inputInteractive: stdin.isTTY === true,
    columns: stdout.columns ?? 120,
    out: (text) => {
      clear();
      stdout.write(text);
    },
    say: (text) => {
      clear();
      stderr.write(`${text}\n`);
    },
    progress: (text) => {
      if (stderr.isTTY === true) {
        stderr.write(`\r\x1b[K${text}`);
        pending = true;
      } else stderr.write(`${text}\n`);
    },
  };
}
