/** Connectors and formats by name: runtime finds them here and imports none of them. */
import type { ModelProvider } from "./model.ts";
import type { FormatFactory } from "./format.ts";
import type { SinkFactory } from "./sink.ts";
import type { SourceFactory } from "./source.ts";

export interface ConnectorRegistry {
  /** Throws MR30xx with the known names when there is none. */
  source(identifier: string): SourceFactory;
  sink(identifier: string): SinkFactory;
  format(identifier: string): FormatFactory;
  /** Of models; absent where there are none. */
  modelProvider?(identifier: string): ModelProvider;
  readonly sources: readonly string[];
  readonly sinks: readonly string[];
  readonly formats: readonly string[];
}
