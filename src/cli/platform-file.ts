/** platform.json in the data folder: which process serves it, and where; left behind by a kill, it is ignored. */
import { join } from "node:path";
import type { Env } from "../foundation/host/env.ts";

export interface PlatformFile {
  readonly pid: number;
  readonly url: string;
}

const NAME = "platform.json";
/** A platform that stands still is not waited for. */
const ANSWER_MS = 5000;

/** The platform that runs in this folder; undefined when none does. */
export async function readPlatformFile(env: Env, data: string): Promise<PlatformFile | undefined> {
  const path = join(data, NAME);
  if ((await env.files.stat(path)) === undefined) return undefined;
  const file = JSON.parse(new TextDecoder().decode(await env.files.readAll(path))) as PlatformFile;
  return isAlive(file.pid) && (await answers(file.url)) ? file : undefined;
}

export async function writePlatformFile(env: Env, data: string, file: PlatformFile): Promise<void> {
  await env.files.writeAtomic(join(data, NAME), new TextEncoder().encode(JSON.stringify(file)));
}

export async function removePlatformFile(env: Env, data: string): Promise<void> {
  await env.files.remove(join(data, NAME));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Another program may have the process id by now. */
async function answers(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`${url}/api/v1/session`, { signal });
    return response.status === 401;
  } catch {
    return false;
  }
}
