/**
 * One program in variants that must leave the same final tables: bounded, parallel, in mini-batches, in two phases, with other
 * batch sizes, and in another order of arrival within the bound of the watermark.
 *
 * Flow:    a record of programs.jsonl → its streaming run, and a run per variant → sorted final tables → compared.
 * Errors:  a program that the streaming run refuses is left out, as is one that bounded mode refuses.
 */
import { SimulatedWorld } from "../../src/foundation/host/simulated-env.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { events, plansOf } from "../../testkit/conformance/program-run.ts";
import { retracted, rowText, upserted } from "../../testkit/conformance/row-compare.ts";
import { errorText } from "../../testkit/conformance/suite.ts";
import {
  configOf,
  declareProgram,
  type ProgramRecord,
  type ProgramRow,
} from "../../testkit/conformance/suites/program-record.ts";
import type { ValuesOptions } from "../../testkit/values/values-store.ts";
import { hasLateRows, type Random, shuffledTables } from "./arrival-order.ts";

export const PROPERTIES = [
  "batch",
  "arrival",
  "parallelism",
  "mini-batch",
  "two-phase",
  "batch-size",
] as const;
export type Property = (typeof PROPERTIES)[number];

export type Verdict =
  | { readonly kind: "equal" }
  | { readonly kind: "left-out"; readonly reason: string }
  | { readonly kind: "different"; readonly expected: string; readonly got: string };

interface Variant {
  readonly batch?: boolean;
  readonly parallelism?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly options?: ValuesOptions;
}

const MINI_BATCH = {
  "table.exec.mini-batch.enabled": "true",
  "table.exec.mini-batch.allow-latency": "1 s",
  "table.exec.mini-batch.size": "3",
};

const VARIANTS: Readonly<Record<Property, Variant>> = {
  batch: { batch: true, options: {} },
  arrival: {},
  parallelism: { parallelism: 3 },
  "mini-batch": { config: MINI_BATCH, options: {} },
  "two-phase": {
    config: { ...MINI_BATCH, "table.optimizer.agg-phase-strategy": "TWO_PHASE" },
    options: {},
  },
  "batch-size": { options: {} },
};

/** The final tables of the streaming run: a row a batch, one task, no mini-batch. */
export async function baseline(record: ProgramRecord, seed: number): Promise<string> {
  return finalTables(record, { config: { "table.exec.mini-batch.enabled": "false" } }, seed);
}

export async function checkProperty(
  property: Property,
  record: ProgramRecord,
  expected: string,
  seed: number,
  random: Random,
): Promise<Verdict> {
  // What is late depends on where watermarks come, and they come between batches: once a batch, or at the end.
  if (hasLateRows(record.tables))
    return { kind: "left-out", reason: "late rows: which are dropped depends on the batches" };
  let varied = record;
  if (property === "arrival") {
    const tables = shuffledTables(record.tables, random);
    if (typeof tables === "string") return { kind: "left-out", reason: tables };
    varied = { ...record, tables };
  }
  try {
    const got = await finalTables(varied, VARIANTS[property], seed);
    return got === expected ? { kind: "equal" } : { kind: "different", expected, got };
  } catch (error) {
    const got = errorText(error);
    if (property === "batch") return { kind: "left-out", reason: `bounded mode refuses: ${got}` };
    return { kind: "different", expected, got };
  }
}

async function finalTables(record: ProgramRecord, variant: Variant, seed: number): Promise<string> {
  const { batch = false, parallelism = 1, options = { rowByRow: true } } = variant;
  const world = new SimulatedWorld(seed);
  const config = { ...configOf(record), ...variant.config };
  const engine = new Engine({ batch, env: world.boot(), config });
  declareProgram(engine, record, batch);
  for (const { name, rows } of record.tables)
    engine.store.register(name, events((rows ?? []) as readonly ProgramRow[]), options);
  for (const plan of plansOf(engine, record))
    await world.run(engine.runPlan(plan, { parallelism }));
  return record.sinks.map(({ name }) => `${name}: ${finalTable(engine, name)}`).join("\n");
}

function finalTable(engine: Engine, sink: string): string {
  const rows = engine.rowsOf(sink);
  const key = rows[0]?.key ?? [];
  const left = key.length > 0 ? upserted(rows, key) : retracted(rows);
  return left
    .map((row) => rowText(row, "plain"))
    .sort()
    .join(" | ");
}
