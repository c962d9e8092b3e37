/** The rows of a program's sinks against its expectations. */
import { SinkRow } from "../../values/values-store.ts";
import type { Engine } from "../engine.ts";
import type { RunKind } from "../program-run.ts";
import { expectedRowText, retracted, rowText, sameRows, upserted } from "../row-compare.ts";
import { failed, type Outcome, passed } from "../suite.ts";
import type { ProgramRecord, ProgramRow, ProgramSink } from "./program-record.ts";

export function judgeSinks(engine: Engine, record: ProgramRecord, kind: RunKind): Outcome {
  for (const sink of record.sinks) {
    const outcome = judgeSink(asWritten(engine.rowsOf(sink.name), sink), sink, kind);
    if (!outcome.passed) return failed(`${sink.name}: ${outcome.expected}`, outcome.got);
  }
  return passed;
}

/** Flink's test sink has a table's own columns first, then its metadata in the order of the option. */
function asWritten(rows: readonly SinkRow[], { schema, options }: ProgramSink): readonly SinkRow[] {
  const written = options?.["writable-metadata"];
  if (written === undefined) return rows;
  const names = schema.filter((part) => !/^PRIMARY KEY/i.test(part));
  const place = (name: string) => names.findIndex((part) => part.startsWith(`${name} `));
  const own = names.flatMap((part, i) => (/ METADATA\b/i.test(part) ? [] : [i]));
  const metadata = written.split(",").map((part) => place(part.split(":")[0]!.trim()));
  const order = [...own, ...metadata];
  return rows.map((row) => {
    const fields = order.map((i) => row.schema.fields[i]!);
    const values = order.map((i) => row.values[i]!);
    return new SinkRow(
      row.kind,
      values,
      { fields },
      row.key.map((i) => order.indexOf(i)),
    );
  });
}

/** What the sink must hold at the end. */
export function expectedOf(sink: ProgramSink, kind: RunKind): readonly ProgramRow[] {
  if (kind.startsWith("batch") && sink.expectedMaterialized) return sink.expectedMaterialized;
  return [...(sink.expected ?? []), ...(sink.expectedAfterRestore ?? [])];
}

function judgeSink(rows: readonly SinkRow[], sink: ProgramSink, kind: RunKind): Outcome {
  const materialized = sink.compare === "materialized" || kind.startsWith("batch");
  const key = rows[0]?.key ?? [];
  const indices = sink.deduplicatedFieldIndices ?? [];
  let got: readonly SinkRow[] = rows;
  let expected = expectedOf(sink, kind);
  if (indices.length > 0) {
    got = upserted(rows, indices);
    expected = lastOfKey(expected, indices);
  } else if (materialized) got = key.length > 0 ? upserted(rows, key) : retracted(rows);
  const texts = got.map((row) =>
    materialized ? `+I${rowText(row, "row").slice(2)}` : rowText(row, "row"),
  );
  const wanted = expected.map(({ text }) => text);
  const byText = sameRows(wanted, texts);
  if (byText.passed || rows[0] === undefined) return byText;
  const { schema } = rows[0];
  const cast = expected.map(({ row, text }) =>
    row === undefined ? text : text.slice(0, 2) + expectedRowText(row, schema, "row").slice(2),
  );
  return sameRows(cast, texts).passed ? passed : byText;
}

function lastOfKey(rows: readonly ProgramRow[], key: readonly number[]): readonly ProgramRow[] {
  const last = new Map<string, ProgramRow>();
  for (const row of rows)
    last.set(JSON.stringify(key.map((index) => row.row?.[index] ?? row.text)), row);
  return [...last.values()];
}
