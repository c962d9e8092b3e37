/**
 * What sources yield and sinks take when no host says so: by the names of connector and format.
 *
 * Source: Flink's connectors: upsert-kafka and keyed databases take upserts; CDC formats yield all changes.
 */
import type { ResolvedTable } from "../catalog/catalog-objects.ts";
import type { SinkTraits, SourceTraits } from "../exec/plan-options.ts";

const CDC_FORMATS =
  /^(debezium-json|debezium-avro-confluent|canal-json|maxwell-json|ogg-json|changelog-json)$/;
const CDC_CONNECTORS = /(-cdc|^mysql$|^postgres-cdc$)/;
const BOUNDED = new Set(["filesystem", "jdbc", "inline"]);

export function defaultSourceTraits(table: ResolvedTable): SourceTraits {
  const connector = table.options.connector ?? "";
  const format = table.options.format ?? table.options["value.format"] ?? "";
  const bounded =
    table.options.bounded === "true" ||
    (BOUNDED.has(connector) && table.options["source.monitor-interval"] === undefined) ||
    (connector === "datagen" && table.options["number-of-rows"] !== undefined) ||
    (connector === "nexmark" && Number(table.options["events.num"] ?? 0) > 0);
  const lookup =
    connector === "filesystem" ||
    connector === "jdbc" ||
    connector === "redis" ||
    (connector === "values" && table.options["disable-lookup"] !== "true");
  const declared = table.options["changelog-mode"];
  const keyOnlyDeletes = table.options["source.produces-delete-by-key"] === "true";
  if (connector === "values" && declared !== undefined)
    return { changelogMode: modeOfKinds(declared), bounded, lookup, keyOnlyDeletes };
  if (connector.startsWith("upsert-"))
    return { changelogMode: "upsert", bounded, lookup, keyOnlyDeletes: true };
  if (CDC_CONNECTORS.test(connector) || CDC_FORMATS.test(format))
    return { changelogMode: "retract", bounded, lookup };
  return { changelogMode: "insert-only", bounded, lookup };
}

/** `I,UA,D` and its kin. */
export function modeOfKinds(kinds: string): SourceTraits["changelogMode"] {
  const list = kinds.split(",").map((kind) => kind.trim().toUpperCase());
  if (list.includes("UB")) return "retract";
  if (list.includes("UA")) return "upsert";
  return list.includes("D") ? "retract" : "insert-only";
}

const TAKES_EVERYTHING = new Set(["print", "collect", "changelog"]);
const UPSERTS =
  /^(upsert-|jdbc|mysql|postgres|elasticsearch|opensearch|mongodb|redis|hbase|clickhouse)/;

export function defaultSinkTraits(
  table: ResolvedTable,
  query: { readonly insertOnly: boolean },
): SinkTraits {
  const connector = table.options.connector ?? "";
  const format = table.options.format ?? table.options["value.format"] ?? "";
  const enforced = table.options["sink-changelog-mode-enforced"];
  const keyOnlyDeletes = table.options["sink.supports-delete-by-key"] === "true";
  if (connector === "values" && enforced !== undefined)
    return { changelogMode: modeOfKinds(enforced), keyOnlyDeletes };
  if (connector === "values") {
    if (table.options["sink-insert-only"] !== "false" && query.insertOnly && !table.primaryKey)
      return { changelogMode: "insert-only" };
    return {
      changelogMode: table.primaryKey === undefined ? "retract" : "upsert",
      keyOnlyDeletes,
    };
  }
  // It drops what it gets and asks for no -U.
  if (connector === "blackhole") return { changelogMode: "upsert" };
  if (TAKES_EVERYTHING.has(connector))
    return {
      changelogMode:
        table.primaryKey === undefined || connector === "collect" ? "retract" : "upsert",
    };
  if (UPSERTS.test(connector) && table.primaryKey !== undefined)
    return { changelogMode: "upsert", keyOnlyDeletes: connector.startsWith("upsert-") };
  if (CDC_FORMATS.test(format)) return { changelogMode: "retract" };
  return { changelogMode: "insert-only" };
}
