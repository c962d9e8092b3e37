/**
 * PlatformLock: one platform a data folder, also when two are started at the same moment, and when the one that runs does not answer.
 *
 * File:    platform.lock in the data folder: the process that holds it, by pid and start time. Left behind by a kill, it is
 *          taken over by whoever moves it away first.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  isAlive,
  type ProcessIdentity,
  startTimeOf,
} from "../dataplane/runtime/process/process-identity.ts";
import type { Timers } from "../foundation/host/env.ts";

const NAME = "platform.lock";
/** Who has just made the file may not have written it yet. */
const LOOK_AGAIN_MS = 100;
const MOST_LOOKS = 20;

export type Lock =
  | { readonly kind: "held"; readonly release: () => void }
  | { readonly kind: "taken"; readonly pid: number };

export async function lockPlatform(data: string, timers: Timers): Promise<Lock> {
  const path = join(data, NAME);
  const own = JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) ?? "" });
  let pid = 0;
  for (let look = 0; look < MOST_LOOKS; look++) {
    if (made(path, own)) return { kind: "held", release: () => rmSync(path, { force: true }) };
    const text = textOf(path);
    const holder = text === undefined ? undefined : holderOf(text);
    if (holder !== undefined && isAlive(holder)) return { kind: "taken", pid: holder.pid };
    pid = holder?.pid ?? pid;
    const isUnwritten = holder === undefined && look < MOST_LOOKS / 2;
    if (text !== undefined && !isUnwritten) moveAway(path, text);
    if (isUnwritten) await new Promise<void>((done) => void timers.after(LOOK_AGAIN_MS, done));
  }
  return { kind: "taken", pid };
}

function made(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function holderOf(text: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    // Not written to its end: by a process that is about to, or one that is dead.
    return undefined;
  }
}

/** The file of a dead process; if another has taken it over meanwhile, that one's is put back. */
function moveAway(path: string, dead: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (textOf(aside) !== dead) linkSync(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}
