/**
 * One program in variants that must leave the same final tables: bounded, parallel, in mini-batches, in one and in two phases,
 * with other batch sizes, and in another order of arrival within the bound of the watermark.
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
  "one-phase",
  "batch-size",
] as const;
export type Property = (typeof PROPERTIES)[number];

export type Verdict =
  | { readonly kind: "equal" }
  | { readonly kind: "left-out"; readonly reason: string }
  /** Different, and named in exceptions.jsonl. */
  | { readonly kind: "excepted"; readonly reason: string }
  | { readonly kind: "different"; readonly expected: string; readonly got: string };

interface Variant {
  readonly batch?: boolean;
  readonly parallelism?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly options?: ValuesOptions;
}

const PHASES = "table.optimizer.agg-phase-strategy";

function miniBatch(rows: number): Readonly<Record<string, string>> {
  return {
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "1 s",
    "table.exec.mini-batch.size": String(rows),
  };
}

function variantOf(property: Property, random: Random, late: boolean): Variant {
  const rows = 2 + Math.floor(random() * 6);
  switch (property) {
    case "batch":
      return { batch: true, options: {} };
    case "arrival":
      return {};
    case "parallelism":
      return { parallelism: 3 };
    case "mini-batch":
      return { config: miniBatch(rows), options: {} };
    case "two-phase":
      return late
        ? { config: { [PHASES]: "TWO_PHASE" } }
        : { config: { ...miniBatch(rows), [PHASES]: "TWO_PHASE" }, options: {} };
    case "one-phase":
      return { config: { [PHASES]: "ONE_PHASE" } };
    case "batch-size":
      return { options: rows === 7 ? {} : { batchRows: rows } };
  }
}

/** They keep a row a batch and one task, and with it every watermark: what is late stays late. */
const KEEPS_LATE_ROWS: ReadonlySet<Property> = new Set(["two-phase", "one-phase"]);

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
  // What is late depends on where watermarks come: once a batch or at the end, and when the last of the tasks in front has one.
  const late = hasLateRows(record.tables);
  if (late && !KEEPS_LATE_ROWS.has(property))
    return {
      kind: "left-out",
      reason: "late rows: which are dropped depends on batches and tasks",
    };
  if (property === "batch" && takesBack(record))
    return { kind: "left-out", reason: "a table that is declared insert-only takes rows back" };
  let varied = record;
  if (property === "arrival") {
    const tables = shuffledTables(record.tables, random);
    if (typeof tables === "string") return { kind: "left-out", reason: tables };
    varied = { ...record, tables };
  }
  try {
    const got = await finalTables(varied, variantOf(property, random, late), seed);
    return got === expected ? { kind: "equal" } : { kind: "different", expected, got };
  } catch (error) {
    const got = errorText(error);
    if (property === "batch") return { kind: "left-out", reason: `bounded mode refuses: ${got}` };
    return { kind: "different", expected, got };
  }
}

/** Bounded mode refuses declared changes only. */
function takesBack({ tables }: ProgramRecord): boolean {
  return tables.some(
    ({ rows, changelogMode }) =>
      (changelogMode ?? null) === null && (rows ?? []).some(({ kind = "+I" }) => kind !== "+I"),
  );
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
