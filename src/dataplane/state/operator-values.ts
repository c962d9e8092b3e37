/** Operator values: small JSON state of operators that is no row data, by node and name. */
import type { OperatorValue } from "../contract/keyed-state.ts";
import type { StateHandle } from "./state-handle.ts";

type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export class OperatorValues {
  readonly #restored: StateHandle[] = [];
  /** JSON text by uid and name: what a set() was given cannot change afterwards. */
  readonly #current = new Map<string, Map<string, string>>();

  restore(handle: StateHandle, runs: (uid: string) => boolean): void {
    if (Object.keys(handle.values).some(runs)) this.#restored.push(handle);
  }

  value(uid: string, name: string): OperatorValue {
    const restored = this.#restored
      .toSorted((a, b) => compareNames(a.name, b.name))
      .map(({ values }) => values[uid])
      .filter((values) => values !== undefined && Object.hasOwn(values, name))
      .map((values) => values![name]);
    return {
      restored,
      set: (value) => {
        let names = this.#current.get(uid);
        if (names === undefined) {
          names = new Map();
          this.#current.set(uid, names);
        }
        names.set(name, JSON.stringify(value ?? null));
      },
    };
  }

  snapshot(): Values {
    const parse = (names: Map<string, string>) =>
      Object.fromEntries([...names].map(([name, json]) => [name, JSON.parse(json) as unknown]));
    return Object.fromEntries([...this.#current].map(([uid, names]) => [uid, parse(names)]));
  }
}

/** "2-10" after "2-9". */
function compareNames(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
