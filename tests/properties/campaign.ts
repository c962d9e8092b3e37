/**
 * The properties over the programs of programs.jsonl, counted by property.
 *
 * Flow:    main.ts and properties.test.ts → here → variants.ts.
 * Scope:   programs.jsonl; exclusions.jsonl names what is left out by definition or known to differ, {"property", "id", "reason"}.
 */
import { readFileSync } from "node:fs";
import { cancelRunning } from "../../testkit/conformance/engine.ts";
import {
  conformanceFolder,
  readConformanceFile,
} from "../../testkit/conformance/conformance-data.ts";
import { errorText, jsonLines, uniqueIds } from "../../testkit/conformance/suite.ts";
import type { ProgramRecord } from "../../testkit/conformance/suites/program-record.ts";
import { baseline, checkProperty, PROPERTIES, type Property, type Verdict } from "./variants.ts";

export interface Finding {
  readonly property: Property;
  readonly id: string;
  readonly seed: number;
  readonly verdict: Verdict;
}

interface Exclusion {
  readonly property: string;
  readonly id: string;
  readonly reason: string;
}

const exclusions = jsonLines<Exclusion>(
  readFileSync(new URL("exclusions.jsonl", import.meta.url), "utf8"),
);

export async function* findings(only: RegExp, seeds: readonly number[]): AsyncGenerator<Finding> {
  const idOf = uniqueIds();
  const text = readConformanceFile(conformanceFolder(), "programs.jsonl");
  for (const record of jsonLines<ProgramRecord>(text)) {
    const id = idOf(`${record.class}/${record.id}`);
    if (record.grade === "C" || record.runner.length === 0 || !only.test(id)) continue;
    for (const seed of seeds) yield* ofProgram(record, id, seed);
  }
}

async function* ofProgram(
  record: ProgramRecord,
  id: string,
  seed: number,
): AsyncGenerator<Finding> {
  let expected: string;
  try {
    expected = await baseline(record, seed);
  } catch (error) {
    const reason = `the streaming run is refused: ${errorText(error)}`;
    for (const property of PROPERTIES)
      yield { property, id, seed, verdict: { kind: "left-out", reason } };
    return;
  }
  const random = generator(seed);
  for (const property of PROPERTIES) {
    const excluded = exclusions.find((one) => one.property === property && one.id === id);
    const verdict: Verdict =
      excluded === undefined
        ? await checkProperty(property, record, expected, seed, random)
        : { kind: "left-out", reason: excluded.reason };
    cancelRunning();
    yield { property, id, seed, verdict };
  }
}

/** A linear congruential generator. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
