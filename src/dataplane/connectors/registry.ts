/**
 * The connectors by name, with the formats they use: what runtime is given, and the catalogues of their options.
 *
 * Flow:    composition root, tests → defaultRegistry() → runtime, planner (validate), docs and completion (options).
 * Errors:  MR3001 no connector of that name, with those there are.
 */
import type { MillraceError } from "../../foundation/base/errors.ts";
import type { ModelProvider } from "../contract/model.ts";
import type { ConnectorRegistry } from "../contract/registry.ts";
import type { SinkFactory } from "../contract/sink.ts";
import type { SourceFactory } from "../contract/source.ts";
import { nearest } from "../../foundation/base/text.ts";
import type { TableOption } from "../contract/table-option.ts";
import { builtinFormats, FORMAT_OPTIONS, findFormat } from "../formats/registry.ts";
import { BLACKHOLE_OPTIONS, blackholeSink } from "./blackhole/blackhole-sink.ts";
import { COLLECT_OPTIONS, collectSink } from "./collect/collect-sink.ts";
import { DATAGEN_FIELD_OPTIONS, DATAGEN_OPTIONS } from "./datagen/datagen-options.ts";
import { datagenSource } from "./datagen/datagen-source.ts";
import { connectorErrors } from "./errors.ts";
import { FILESYSTEM_OPTIONS } from "./filesystem/filesystem-options.ts";
import { filesystemSink } from "./filesystem/filesystem-sink.ts";
import { filesystemSource } from "./filesystem/filesystem-source.ts";
import { NEXMARK_OPTIONS } from "./nexmark/nexmark-options.ts";
import { nexmarkSource } from "./nexmark/nexmark-source.ts";
import { openaiProvider } from "./openai/openai-model.ts";
import { OPENAI_OPTIONS } from "./openai/openai-options.ts";
import { PRINT_OPTIONS, printSink } from "./print/print-sink.ts";

/** Options by connector: what docs, console forms and completion are made of. */
export const CONNECTOR_OPTIONS: Readonly<Record<string, readonly TableOption[]>> = {
  blackhole: BLACKHOLE_OPTIONS,
  collect: COLLECT_OPTIONS,
  datagen: [...DATAGEN_OPTIONS, ...DATAGEN_FIELD_OPTIONS],
  filesystem: FILESYSTEM_OPTIONS,
  nexmark: NEXMARK_OPTIONS,
  print: PRINT_OPTIONS,
};
/** Options by provider of models. */
export const MODEL_OPTIONS: Readonly<Record<string, readonly TableOption[]>> = {
  openai: OPENAI_OPTIONS,
};
export { FORMAT_OPTIONS };

export interface RegistryAdditions {
  readonly sources?: readonly SourceFactory[];
  readonly sinks?: readonly SinkFactory[];
  readonly modelProviders?: readonly ModelProvider[];
}

/** Everything that is built in, and what tests or embedders add (an addition wins over a built-in of its name). */
export function defaultRegistry(additions: RegistryAdditions = {}): ConnectorRegistry {
  const sources = [
    datagenSource,
    filesystemSource(findFormat),
    nexmarkSource,
    ...(additions.sources ?? []),
  ];
  const sinks = [
    blackholeSink,
    collectSink,
    filesystemSink(findFormat),
    printSink,
    ...(additions.sinks ?? []),
  ];
  const providers = [openaiProvider, ...(additions.modelProviders ?? [])];
  return {
    source: (identifier) => find("source connector", identifier, sources),
    sink: (identifier) => find("sink connector", identifier, sinks),
    format: findFormat,
    modelProvider: (identifier) => find("model provider", identifier, providers),
    sources: names(sources),
    sinks: names(sinks),
    formats: names(builtinFormats()),
  };
}

interface Named {
  readonly identifier: string;
}

function names(factories: readonly Named[]): readonly string[] {
  return [...new Set(factories.map(({ identifier }) => identifier))].sort();
}

function find<T extends Named>(what: string, identifier: string, factories: readonly T[]): T {
  const found = factories.findLast((factory) => factory.identifier === identifier);
  if (found !== undefined) return found;
  throw unknown(what, identifier, names(factories));
}

/** What to say of a table whose connector neither reads nor writes. */
export function unknownConnector(identifier: string): MillraceError {
  return unknown("connector", identifier, Object.keys(CONNECTOR_OPTIONS).sort());
}

function unknown(what: string, identifier: string, known: readonly string[]): MillraceError {
  return connectorErrors.CONNECTOR_UNKNOWN(
    { what, identifier, known: known.join(", ") },
    { didYouMean: nearest(identifier, known) },
  );
}
