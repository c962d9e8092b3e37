/**
 * Makes the savepoint of a format that must be restored for ever: `node tests/compat/make-fixture.ts FOLDER`, once for each
 * version of the format. What is committed is never made again.
 */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FIXTURE_QUERY, planOf, run } from "./savepoint-jobs.ts";

const folder = resolve(process.argv[2] ?? "");
const plan = planOf(FIXTURE_QUERY);
await mkdir(folder, { recursive: true });
const { savepoint } = await run(plan, folder, { stopIn: folder });
await rename(savepoint, join(folder, "savepoint"));
await writeFile(join(folder, "plan.json"), `${JSON.stringify(plan)}\n`);
await rm(join(folder, "checkpoints"), { recursive: true, force: true });
