/**
 * What the editor knows of options: of connectors and formats (the host's catalogues), of SET, of hints.
 *
 * Flow: CLI, console → EditorCatalogue → completion, hover. Structurally the data plane's TableOption.
 */
import { settingValues, settings } from "../script/session-options.ts";

export interface OptionInfo {
  readonly key: string;
  readonly type: string;
  readonly default?: string | undefined;
  readonly required?: boolean | undefined;
  readonly values?: readonly string[] | undefined;
  readonly description: string;
}

export interface EditorCatalogue {
  readonly connectors: Readonly<Record<string, readonly OptionInfo[]>>;
  readonly formats: Readonly<Record<string, readonly OptionInfo[]>>;
}

export const NO_CATALOGUE: EditorCatalogue = { connectors: {}, formats: {} };

const BOOLEANS = ["true", "false"];

/** Options of a table with what its connector and format are so far; all connectors' when there is none yet. */
export function tableOptions(
  catalogue: EditorCatalogue,
  given: ReadonlyMap<string, string>,
): readonly OptionInfo[] {
  const connector = given.get("connector");
  const own = connector === undefined ? undefined : catalogue.connectors[connector];
  const options = new Map<string, OptionInfo>([["connector", connectorOption(catalogue)]]);
  for (const option of own ?? []) if (option.key !== "connector") options.set(option.key, option);
  const format = given.get("format") ?? given.get("value.format");
  const ofFormat = format === undefined ? undefined : catalogue.formats[format];
  for (const option of ofFormat ?? []) options.set(option.key, option);
  const formatOption = options.get("format");
  if (formatOption !== undefined)
    options.set("format", { ...formatOption, values: Object.keys(catalogue.formats).sort() });
  return [...options.values()];
}

function connectorOption({ connectors }: EditorCatalogue): OptionInfo {
  return {
    key: "connector",
    type: "enum",
    required: true,
    values: Object.keys(connectors).sort(),
    description: "What the table reads from or writes to.",
  };
}

/** The option of a key; `fields.#.min` stands for every field. */
export function findOption(options: readonly OptionInfo[], key: string): OptionInfo | undefined {
  return (
    options.find((option) => option.key === key) ??
    options.find(
      (option) =>
        option.key.includes("#") &&
        key.startsWith(option.key.slice(0, option.key.indexOf("#"))) &&
        key.endsWith(option.key.slice(option.key.indexOf("#") + 1)),
    )
  );
}

export function valuesOf(option: OptionInfo): readonly string[] {
  if (option.values !== undefined) return option.values;
  return option.type === "boolean" ? BOOLEANS : [];
}

/** Keys of SET. */
export function settingOptions(): readonly OptionInfo[] {
  return settings().map((key) => {
    const values = settingValues(key);
    const type = typeof values === "string" ? values : "enum";
    return {
      key,
      type,
      ...(typeof values === "string" ? {} : { values }),
      description: `Option of the session: ${typeof values === "string" ? KINDS[values] : values.join(", ")}.`,
    };
  });
}

const KINDS = {
  text: "a text",
  boolean: "true or false",
  duration: "a duration such as '10 s'",
  integer: "a whole number",
  fraction: "a number such as 0.5",
  size: "a size such as '150 mb'",
} as const;

export interface HintInfo {
  readonly name: string;
  readonly insert: string;
  readonly description: string;
}

export const TABLE_HINTS: readonly HintInfo[] = [
  {
    name: "OPTIONS",
    insert: "OPTIONS('",
    description: "Options of this table for this query alone.",
  },
];
export const SELECT_HINTS: readonly HintInfo[] = [
  {
    name: "STATE_TTL",
    insert: "STATE_TTL('",
    description:
      "How long the state of a join or an aggregate is kept, by table: STATE_TTL('t' = '1d').",
  },
  {
    name: "LOOKUP",
    insert: "LOOKUP('table' = '",
    description: "How a lookup join asks its table: retries, asynchronously, in which order.",
  },
  { name: "BROADCAST", insert: "BROADCAST(", description: "Join by sending this table to all." },
  {
    name: "SHUFFLE_HASH",
    insert: "SHUFFLE_HASH(",
    description: "Join by a hash table of this table.",
  },
  { name: "SHUFFLE_MERGE", insert: "SHUFFLE_MERGE(", description: "Join by sorting both tables." },
  {
    name: "NEST_LOOP",
    insert: "NEST_LOOP(",
    description: "Join by a nested loop over this table.",
  },
];
