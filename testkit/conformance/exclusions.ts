/**
 * exclusions.jsonl: records that are wrong, or that only an accident of Java could satisfy, each with its reason.
 *
 * Shapes:  one object a line, {"file", "id", "reason"}; `id` as the runner prints it.
 */
import { readFileSync } from "node:fs";
import { jsonLines } from "./suite.ts";

interface Exclusion {
  readonly file: string;
  readonly id: string;
  readonly reason: string;
}

/** Reasons by id. */
export function exclusionsOf(file: string): ReadonlyMap<string, string> {
  const text = readFileSync(new URL("./exclusions.jsonl", import.meta.url), "utf8");
  const own = jsonLines<Exclusion>(text).filter((exclusion) => exclusion.file === file);
  return new Map(own.map(({ id, reason }) => [id, reason]));
}
