/** Runs single connectors in tests of this room; the test below keeps this file honest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "../../foundation/host/env.ts";
import { realEnv } from "../../foundation/host/real-env.ts";
import { types } from "../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../foundation/columnar/schema.ts";
import type { Expression } from "../../foundation/plan/expression.ts";
import { RowReader } from "../../foundation/columnar/value-reader.ts";
import { formatRow } from "../../foundation/columnar/value-text.ts";
import type { Committer, SinkPorts, SinkWriter } from "../contract/sink.ts";
import type { PollResult, SourceReader, SourceSplit, SplitEnumerator } from "../contract/source.ts";
import { createTestWorker, type TestWorker } from "../kernels/test-worker.test.ts";
import { defaultRegistry } from "./registry.ts";

export interface SourceHarness {
  readonly worker: TestWorker;
  readonly rows: RowReader;
  newEnumerator(): SplitEnumerator;
  discover(): Promise<readonly SourceSplit[]>;
  newReader(): SourceReader;
}

const BASE = {
  id: 1,
  uid: "1",
  inputs: [],
  changelogMode: "insert-only",
  upsertKeys: [],
  description: "",
} as const;

export function openSource(
  table: Schema,
  options: Readonly<Record<string, string>>,
  {
    env = realEnv(),
    parallelism = 1,
    projection = table.fields.map((_, i) => [i]),
    worker = createTestWorker(),
    partitionKeys = [],
    filter,
  }: {
    readonly partitionKeys?: readonly number[];
    readonly filter?: Expression;
    readonly env?: Env;
    readonly parallelism?: number;
    readonly projection?: readonly (readonly number[])[];
    readonly worker?: TestWorker;
  } = {},
): SourceHarness {
  const output: Schema = {
    fields: projection.map(([first, second]) => {
      const field = table.fields[first!]!;
      return second === undefined || field.type.kind !== "ROW" ? field : field.type.fields[second]!;
    }),
  };
  const node = {
    ...BASE,
    type: "TableSourceScan" as const,
    output,
    table: { name: "t", options, schema: table, partitionKeys },
    projection,
    ...(filter === undefined ? {} : { filter }),
    bounded: true,
  };
  const factory = defaultRegistry().source(options.connector ?? "");
  factory.validate(node);
  const context = { node, env, parallelism, config: {}, timeZone: "UTC" };
  const { runtime, metrics } = worker;
  return {
    worker,
    rows: new RowReader(runtime.memory, output),
    newEnumerator: () => factory.createEnumerator(context),
    discover: async () => await factory.createEnumerator(context).discover(),
    newReader: () =>
      factory.createReader({ ...context, runtime, output, metrics, subtaskIndex: 0 }),
  };
}

/** Reads splits to their end, or until onBatch says so; the rows as texts. The reader is closed. */
export async function readTexts(
  source: SourceHarness,
  splits: readonly SourceSplit[],
  onBatch: (batch: PollResult & { kind: "batch" }) => boolean = () => true,
): Promise<string[]> {
  const { rows, worker } = source;
  const reader = source.newReader();
  const out: string[] = [];
  try {
    await reader.open();
    reader.addSplits(splits);
    while (true) {
      const mark = worker.runtime.kernels.arenaMark();
      const result = reader.poll();
      if (result.kind === "empty") break;
      if (result.kind === "idle") await reader.wait();
      if (result.kind === "batch") {
        const { batch } = result;
        for (let row = 0; row < rows.rows(batch); row++)
          out.push(formatRow(rows.kind(batch, row), rows.read(batch, row), rows.schema));
        if (!onBatch(result)) break;
      }
      worker.runtime.kernels.arenaRelease(mark);
    }
  } finally {
    await reader.close();
  }
  return out;
}

/** A sink writer (and its committer) over rows of one schema. */
export function openSink(
  table: Schema,
  options: Readonly<Record<string, string>>,
  {
    worker,
    attempt = 1,
    ports = {},
    subtaskIndex = 0,
    parallelism = 1,
    sinkId = 1,
    overwrite = false,
    partitionKeys = [],
  }: {
    readonly partitionKeys?: readonly number[];
    readonly sinkId?: number;
    readonly overwrite?: boolean;
    readonly worker: TestWorker;
    readonly attempt?: number;
    readonly ports?: SinkPorts;
    readonly subtaskIndex?: number;
    readonly parallelism?: number;
  },
): { readonly writer: SinkWriter; readonly committer: Committer | undefined } {
  const node = {
    ...BASE,
    id: sinkId,
    overwrite,
    type: "Sink" as const,
    output: table,
    table: { name: "s", options, schema: table, partitionKeys },
    sinkChangelogMode: "insert-only" as const,
    upsertKey: [],
    upsertMaterialize: false,
    notNullEnforcer: "ERROR" as const,
    notNullFields: [],
  };
  const factory = defaultRegistry().sink(options.connector ?? "");
  factory.validate(node);
  const context = { node, env: realEnv(), config: {}, timeZone: "UTC", jobId: "job1", ports };
  const { runtime, metrics } = worker;
  const own = { runtime, metrics, input: table, subtaskIndex, parallelism, attempt };
  return {
    writer: factory.createWriter({ ...context, ...own }),
    committer: factory.createCommitter?.(context),
  };
}

test("rows come out of a source and go into a sink", async () => {
  const table: Schema = { fields: [{ name: "n", type: types.int() }] };
  const options = {
    connector: "datagen",
    "fields.n.kind": "sequence",
    "fields.n.start": "1",
    "fields.n.end": "3",
  };
  const source = openSource(table, options);
  let printed = "";
  const ports = {
    print: (text: string) => {
      printed += text;
    },
  };
  const { writer } = openSink(
    table,
    { connector: "print", "print-identifier": "x" },
    {
      worker: source.worker,
      ports,
    },
  );
  const texts = await readTexts(source, await source.discover(), ({ batch }) =>
    writer.write(batch),
  );
  await writer.flush();
  assert.deepEqual(texts, ["+I[1]", "+I[2]", "+I[3]"]);
  assert.equal(printed, "x> +I[1]\nx> +I[2]\nx> +I[3]\n");
});
