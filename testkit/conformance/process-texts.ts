/** How the process table functions of Flink's tests print what they see. */
import { END_OF_TIME } from "../../src/dataplane/contract/process-function.ts";
import type { ProcessChanges } from "../../src/foundation/plan/process-table-function.ts";

const END = "9223372036854775807";

export function longText(time: number | null): string {
  if (time === null) return "null";
  return time >= END_OF_TIME ? END : String(time);
}

/** `1970-01-01T00:00:00.001Z`, without a fraction that is zero. */
export function instantText(time: number | null): string {
  return time === null ? "null" : new Date(time).toISOString().replace(".000Z", "Z");
}

export const objectsText = (objects: readonly unknown[]): string => objects.map(String).join(", ");

export function modeSummary({ kinds, keyOnlyDeletes }: ProcessChanges): string {
  const retract = kinds.includes("UPDATE_BEFORE");
  if (!kinds.includes("DELETE")) return retract ? "retract-no-delete" : "upsert-no-delete";
  if (retract) return "retract";
  return keyOnlyDeletes ? "upsert-partial-delete" : "upsert-full-delete";
}

export function ttlText(ttlMs: number): string {
  const type = ttlMs === 0 ? "Disabled" : "OnCreateAndWrite";
  const ttl = ttlMs === 0 ? "PT2562047788015H12M55.807S" : `PT${ttlMs / 3_600_000}H`;
  return `StateTtlConfig{updateType=${type}, stateVisibility=NeverReturnExpired, ttlTimeCharacteristic=ProcessingTime, ttl=${ttl}}`;
}
