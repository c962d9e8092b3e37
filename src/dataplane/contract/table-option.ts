/**
 * Options of tables (the WITH clause) as catalogues: every connector and format lists its own, and reads them through
 * readOptions(), so that what is documented, checked, completed and used is one list.
 *
 * Flow:    connectors, formats → here. Docs, console forms and completion read the catalogues.
 * Errors:  MR1001 unknown key (with the known ones), MR1002 required, MR1003 invalid value.
 */
import { parseDuration } from "../../foundation/base/duration.ts";
import { nearest } from "../../foundation/base/text.ts";
import { baseErrors } from "../../foundation/base/errors.ts";

export interface TableOption {
  readonly key: string;
  readonly type: "string" | "boolean" | "integer" | "number" | "duration" | "enum";
  /** Text of the default; absent = none. */
  readonly default?: string;
  readonly required?: boolean;
  /** Of an enum; compared without regard to case. */
  readonly values?: readonly string[];
  /** Bounds of integers and numbers, inclusive. */
  readonly min?: number;
  readonly max?: number;
  readonly description: string;
}

export type TableOptions = Readonly<Record<string, string>>;

/** Typed access to the options of one catalogue; values were checked by checkOptions or are checked on read. */
export class OptionReader {
  readonly #catalogue: ReadonlyMap<string, TableOption>;
  readonly #options: TableOptions;
  readonly #owner: string;

  constructor(owner: string, catalogue: readonly TableOption[], options: TableOptions) {
    this.#owner = owner;
    this.#catalogue = new Map(catalogue.map((option) => [option.key, option]));
    this.#options = options;
  }

  /** The text given, or the default. */
  text(key: string): string | undefined {
    const option = this.#option(key);
    const value = this.#options[key];
    if (value !== undefined) return value;
    if (option.required === true) throw baseErrors.OPTION_MISSING({ key, owner: this.#owner });
    return option.default;
  }

  string(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw baseErrors.OPTION_MISSING({ key, owner: this.#owner });
    return value;
  }

  boolean(key: string): boolean {
    const value = this.string(key).trim().toLowerCase();
    if (value !== "true" && value !== "false") throw this.#invalid(key, "true or false");
    return value === "true";
  }

  /** One of the option's values, in its own spelling. */
  choice(key: string): string {
    const values = this.#option(key).values ?? [];
    const value = this.string(key).trim().toLowerCase();
    const found = values.find((known) => known.toLowerCase() === value);
    if (found === undefined) throw this.#invalid(key, `one of ${values.join(", ")}`);
    return found;
  }

  number(key: string): number {
    const option = this.#option(key);
    const text = this.string(key).trim();
    const value = Number(text);
    const { min = -Infinity, max = Infinity } = option;
    const whole = option.type !== "integer" || Number.isSafeInteger(value);
    if (text === "" || !Number.isFinite(value) || !whole || value < min || value > max)
      throw this.#invalid(key, `${article(option.type)} ${range(min, max)}`.trim());
    return value;
  }

  /** Milliseconds. */
  durationMs(key: string): number {
    const ms = parseDuration(this.string(key));
    if (ms === undefined) throw this.#invalid(key, "a duration such as 10 s");
    return ms;
  }

  has(key: string): boolean {
    this.#option(key);
    return this.#options[key] !== undefined;
  }

  #option(key: string): TableOption {
    const option = this.#catalogue.get(key);
    if (option === undefined)
      throw baseErrors.INTERNAL({ message: `option ${key} is in no catalogue of ${this.#owner}` });
    return option;
  }

  #invalid(key: string, expected: string) {
    return baseErrors.OPTION_INVALID({ key, value: this.string(key), expected });
  }
}

/** Refuses keys that no catalogue has, missing required keys and values of the wrong type. */
export function checkOptions(
  owner: string,
  catalogue: readonly TableOption[],
  options: TableOptions,
  alsoKnown: (key: string) => boolean = () => false,
): void {
  const known = new Map(catalogue.map((option) => [option.key, option]));
  const unknown = Object.keys(options).filter((key) => !known.has(key) && !alsoKnown(key));
  if (unknown.length > 0) {
    const keys = catalogue.map((option) => option.key).sort();
    throw baseErrors.OPTION_UNKNOWN(
      { key: unknown.sort().join(", "), owner, known: keys.join(", ") },
      { didYouMean: nearest(unknown[0]!, keys) },
    );
  }
  const reader = new OptionReader(owner, catalogue, options);
  for (const option of catalogue) {
    if (reader.text(option.key) === undefined) continue;
    if (option.type === "boolean") reader.boolean(option.key);
    else if (option.type === "enum") reader.choice(option.key);
    else if (option.type === "duration") reader.durationMs(option.key);
    else if (option.type !== "string") reader.number(option.key);
  }
}

function article(type: TableOption["type"]): string {
  return type === "integer" ? "an integer" : `a ${type}`;
}

function range(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return "";
  if (max === Infinity) return `of at least ${min}`;
  if (min === -Infinity) return `of at most ${max}`;
  return `between ${min} and ${max}`;
}
