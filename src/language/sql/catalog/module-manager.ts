/**
 * Modules: where built-in functions come from. There is one, `core`; without it SQL has its operators only.
 *
 * Source: Flink ModuleManager and its messages. Errors: MR2128.
 */
import { validateErrors } from "../errors.ts";

const CORE = "core";

export class ModuleManager {
  readonly #loaded = new Set([CORE]);
  #used: readonly string[] = [CORE];

  /** In the order of resolution. */
  get used(): readonly string[] {
    return this.#used;
  }
  /** Those that are not used come last. */
  get all(): readonly { readonly name: string; readonly used: boolean }[] {
    const unused = [...this.#loaded].filter((name) => !this.#used.includes(name));
    return [
      ...this.#used.map((name) => ({ name, used: true })),
      ...unused.map((name) => ({ name, used: false })),
    ];
  }
  get core(): boolean {
    return this.#used.includes(CORE);
  }

  load(name: string, options: Readonly<Record<string, string>>): void {
    if (options.type !== undefined)
      throw refused(
        `Option 'type' = '${options.type}' is not supported since module name is used to find module`,
        "Leave 'type' out.",
      );
    if (this.#loaded.has(name))
      throw refused(`A module with name '${name}' already exists`, "Unload it first.");
    if (name !== CORE)
      throw refused(
        `Could not find any factory for identifier '${name}' that implements 'org.apache.flink.table.factories.ModuleFactory' in the classpath.\n\nAvailable factory identifiers are:\n\n${CORE}`,
        "Modules of Java classes cannot be loaded here: every function there is belongs to core.",
      );
    this.#loaded.add(name);
    this.#used = [...this.#used, name];
  }

  unload(name: string): void {
    if (!this.#loaded.delete(name))
      throw refused(`No module with name '${name}' exists`, "SHOW FULL MODULES lists them.");
    this.#used = this.#used.filter((used) => used !== name);
  }

  use(names: readonly string[]): void {
    for (const [i, name] of names.entries()) {
      if (!this.#loaded.has(name))
        throw refused(`No module with name '${name}' exists`, "SHOW FULL MODULES lists them.");
      if (names.indexOf(name) !== i)
        throw refused(`Module '${name}' appears more than once`, "Name each module once.");
    }
    this.#used = [...names];
  }
}

function refused(message: string, remedy: string): Error {
  return validateErrors.STATEMENT_INVALID({ message, remedy });
}
