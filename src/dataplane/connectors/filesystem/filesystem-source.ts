/**
 * The filesystem source: files of any format, bounded or watched, read in parallel or replayed in event time.
 *
 * Flow:    registry → validate() at planning → FileEnumerator in the job master, FileSourceReader in each worker.
 * Errors:  MR1001 … MR1003 options, MR3008 a replay column that is none, MR30xx and MR31xx of reader and format.
 */
import { PHYSICAL_WIDTH, type LogicalType } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import type { DecoderContext, FormatFactory } from "../../contract/format.ts";
import type { SourceContext, SourceFactory, SourceReaderContext } from "../../contract/source.ts";
import { checkOptions } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";
import { allocateFixed } from "../fixed-memory.ts";
import { BlockInput } from "./block-input.ts";
import { FileEnumerator } from "./file-enumerator.ts";
import { FileSourceReader } from "./file-source-reader.ts";
import { fileProjection, PartitionedDecoder } from "./partition-columns.ts";
import { checkPartitionKeys, partitionLayout } from "./partition-layout.ts";
import { keepsPartition } from "./partition-pruning.ts";
import {
  FILESYSTEM_OPTIONS,
  type FilesystemOptions,
  readFilesystemOptions,
} from "./filesystem-options.ts";
import { checkFolder } from "./path-pattern.ts";
import { ReplayPacer } from "./replay-pacer.ts";

type Node = SourceContext["node"];

/** `format` finds formats by name. */
export function filesystemSource(format: (identifier: string) => FormatFactory): SourceFactory {
  return {
    identifier: "filesystem",
    validate: (node) => {
      const { options, schema, metadata } = node.table;
      const known = format(readFilesystemOptions(options).format);
      checkOptions("connector filesystem", FILESYSTEM_OPTIONS, options, (key) =>
        known.options.includes(key),
      );
      if (metadata !== undefined && Object.keys(metadata).length > 0)
        throw connectorErrors.OPTION_NEEDS({
          key: "connector",
          owner: "connector filesystem",
          needs: "a table without METADATA columns",
        });
      const layout = partitionLayout(node.table);
      if (layout !== undefined) {
        checkPartitionKeys(layout);
        checkFolder(readFilesystemOptions(options).path);
      }
      known.validate(options, layout?.fileSchema ?? schema);
      const { replay } = readFilesystemOptions(options);
      if (replay !== undefined) timeColumnOf(node, replay.column);
    },
    createEnumerator: (context) => {
      const options = readFilesystemOptions(context.node.table.options);
      const { splittable, quotedRecords } = format(options.format);
      const quoted =
        context.mode === "batch" && quotedRecords?.(context.node.table.options) !== undefined;
      const { table, filter } = context.node;
      const layout = partitionLayout(table);
      return new FileEnumerator(
        context.env.files,
        options,
        { parallelism: splittable || quoted ? context.parallelism : 1, quoted },
        layout && { layout, keeps: (texts) => keepsPartition(layout, filter, texts) },
      );
    },
    createReader: (context) => createReader(context, format),
  };
}

function createReader(
  context: SourceReaderContext,
  format: (identifier: string) => FormatFactory,
): FileSourceReader {
  const { node, runtime } = context;
  const options = readFilesystemOptions(node.table.options);
  const factory = format(options.format);
  const layout = partitionLayout(node.table);
  const base: Omit<DecoderContext, "onBadRecord" | "projection" | "output"> = {
    runtime,
    table: layout?.fileSchema ?? node.table.schema,
    options: node.table.options,
    timeZone: context.timeZone,
    metrics: context.metrics,
  };
  const { projection, output, pacer } = plan(context, options);
  const allocate = (sizeBytes: number) => allocateFixed(runtime, sizeBytes, "filesystem");
  const memory = allocate(BlockInput.memoryBytes());
  return new FileSourceReader({
    context,
    createDecoder: (onBadRecord) => {
      if (layout === undefined)
        return factory.createDecoder({ ...base, projection, output, onBadRecord });
      const asked = fileProjection(layout, projection, output);
      const inner = factory.createDecoder({ ...base, ...asked, onBadRecord });
      const { path: root } = options;
      return new PartitionedDecoder(inner, { runtime, layout, root, projection, output });
    },
    base: memory.address,
    allocate,
    release: memory.release,
    pacer,
    quoted: factory.quotedRecords?.(node.table.options),
    deadLetterPath: options.deadLetterPath,
  });
}

/** What to decode: the output, and in a replay the time column behind it. */
function plan(
  context: SourceReaderContext,
  { replay }: FilesystemOptions,
): {
  readonly projection: readonly (readonly number[])[];
  readonly output: Schema;
  readonly pacer: ReplayPacer | undefined;
} {
  const { node, output } = context;
  if (replay === undefined) return { projection: node.projection, output, pacer: undefined };
  const index = timeColumnOf(node, replay.column);
  const columns = physicalColumns(output).length;
  const extended = { fields: [...output.fields, node.table.schema.fields[index]!] };
  const pacer = new ReplayPacer({
    env: context.env,
    memory: context.runtime.memory,
    widths: physicalColumns(extended).map(({ physical }) => PHYSICAL_WIDTH[physical]),
    timeColumn: columns,
    columns,
    speed: replay.speed,
  });
  return { projection: [...node.projection, [index]], output: extended, pacer };
}

function timeColumnOf(node: Node, name: string): number {
  const { fields } = node.table.schema;
  const index = fields.findIndex((field) => field.name === name);
  const field = fields[index];
  if (field === undefined || !isTime(field.type))
    throw connectorErrors.COLUMN_UNKNOWN({
      key: "replay.time-column",
      column: name,
      expected: "TIMESTAMP, TIMESTAMP_LTZ or BIGINT (epoch milliseconds)",
      columns: fields.map((each) => each.name).join(", "),
    });
  return index;
}

/** The first eight bytes of a value are epoch milliseconds. */
function isTime(type: LogicalType): boolean {
  return type.kind === "TIMESTAMP" || type.kind === "TIMESTAMP_LTZ" || type.kind === "BIGINT";
}
