/**
 * Builds what is made from the sources: `kernels` (see build-kernels.ts), `cli` (dist/cli.mjs and a file per worker),
 * `console` (dist/console). Without arguments all three; every step is skipped while its sources are unchanged.
 *
 * Flow:    bootstrap, `npm run build` → here → dist/, which bin/millrace prefers to the sources.
 * Bundle:  see bundle-cli.ts for how workers and files that the sources name by URL are found again.
 * Errors:  the tool's own message, exit status 1. A step whose entry does not exist yet is passed over, and said so.
 */
import { parseArgs } from "node:util";
import { buildConsole } from "./build-console.ts";
import { buildKernels } from "./build-kernels.ts";
import { bundleCli } from "./bundle-cli.ts";

export type BuildStep = "kernels" | "cli" | "console";

const STEPS: Readonly<Record<BuildStep, (force: boolean) => Promise<string>>> = {
  kernels: async (force) => {
    const build = await buildKernels({ force });
    if (build === undefined) return "no entry yet";
    const { compiled, functions, sizeBytes, tookMs } = build;
    return compiled ? `${functions} functions, ${sizeBytes} bytes, ${tookMs} ms` : "unchanged";
  },
  cli: bundleCli,
  console: buildConsole,
};

/** Runs the named steps in their order. */
export async function build(
  steps: readonly BuildStep[],
  { force = false, quiet = false }: { force?: boolean; quiet?: boolean } = {},
): Promise<void> {
  for (const [name, step] of Object.entries(STEPS)) {
    if (!steps.some((wanted) => wanted === name)) continue;
    const outcome = await step(force);
    if (!quiet || outcome.endsWith(" ms")) process.stderr.write(`${name.padEnd(8)} ${outcome}\n`);
  }
}

function isStep(name: string): name is BuildStep {
  return Object.hasOwn(STEPS, name);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { force: { type: "boolean" }, quiet: { type: "boolean" } },
    allowPositionals: true,
  });
  const names = positionals.length === 0 ? Object.keys(STEPS) : positionals;
  const steps = names.filter(isStep);
  if (steps.length < names.length) {
    process.stderr.write(`steps are ${Object.keys(STEPS).join(", ")}\n`);
    process.exit(2);
  }
  await build(steps, values);
}
