/**
 * The ratchet: how many cases of each file pass at least. A change may raise these counts, never lower them.
 *
 * Update:  UPDATE=1 npm run conformance -- --ratchet writes the counts of the run (those that rose).
 */
import { readFileSync, writeFileSync } from "node:fs";

const place = new URL("./ratchet.json", import.meta.url);

export type Floors = Readonly<Record<string, number>>;

export function readFloors(): Floors {
  return JSON.parse(readFileSync(place, "utf8")) as Floors;
}

export function raiseFloors(counts: Floors): void {
  const floors = { ...readFloors() };
  for (const [file, count] of Object.entries(counts))
    floors[file] = Math.max(floors[file] ?? 0, count);
  writeFileSync(place, `${JSON.stringify(floors, null, 2)}\n`);
}

/** How many passing cases are missing to the floor of a file. */
export function shortfall(floors: Floors, file: string, passed: number): number {
  return Math.max(0, (floors[file] ?? 0) - passed);
}
