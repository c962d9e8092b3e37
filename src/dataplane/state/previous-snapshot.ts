/**
 * previousSnapshot: what can be used instead of a checkpoint or savepoint that is damaged: the newest other one in the same
 * folder whose manifest is whole and whose files have their lengths.
 *
 * Rules:   of the same job when the damaged one still says which it is; newest by the time it was triggered.
 * Limits:  CANDIDATES manifests are read.
 */
import type { Files } from "../../foundation/host/env.ts";
import { handlesOf, loadManifest, type Manifest } from "./checkpoint-store.ts";

const CANDIDATES = 1000;

export async function previousSnapshot(files: Files, path: string): Promise<string | undefined> {
  const folder = path.replace(/\/_metadata$/, "").replace(/\/+$/, "");
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  if (parent === "" || (await files.stat(parent))?.isDirectory !== true) return undefined;
  const jobId = await jobOf(files, folder);
  let best: { readonly path: string; readonly at: number } | undefined;
  for (const name of (await files.list(parent)).slice(0, CANDIDATES)) {
    const candidate = `${parent}/${name}`;
    if (candidate === folder) continue;
    const manifest = await wholeManifest(files, candidate);
    if (manifest === undefined || (best !== undefined && manifest.triggeredMs <= best.at)) continue;
    if (jobId !== undefined && manifest.jobId !== jobId) continue;
    best = { path: candidate, at: manifest.triggeredMs };
  }
  return best?.path;
}

type JobManifest = Manifest & { readonly jobId?: string };

async function wholeManifest(files: Files, path: string): Promise<JobManifest | undefined> {
  try {
    if ((await files.stat(`${path}/_metadata`)) === undefined) return undefined;
    const manifest = await loadManifest<JobManifest>(files, path);
    for (const { segments } of handlesOf(manifest.states)) {
      for (const { file, lengthBytes } of segments) {
        if (file === undefined) continue;
        if ((await files.stat(file))?.sizeBytes !== lengthBytes) return undefined;
      }
    }
    return manifest;
  } catch {
    // Whatever the reason: one that cannot be read is not offered.
    return undefined;
  }
}

/** The job that a manifest names, read from its text even where its checksum is wrong. */
async function jobOf(files: Files, folder: string): Promise<string | undefined> {
  const file = `${folder}/_metadata`;
  if ((await files.stat(file)) === undefined) return undefined;
  const text = new TextDecoder().decode(await files.readAll(file));
  return /"jobId":"([0-9a-f]{32})"/.exec(text)?.[1];
}
