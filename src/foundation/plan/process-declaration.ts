/**
 * What a module of the user exports as a process table function: its declaration, with types as SQL writes them.
 *
 * Example: export const totals = {
 *            kind: "process",
 *            parameters: [{ name: "r", kind: "table", traits: ["set-semantics"] }],
 *            state: [{ name: "sum", kind: "value", type: "BIGINT" }],
 *            output: [{ name: "total", type: "BIGINT" }],
 *            eval: (context, { r }) => {
 *              const total = (context.value("sum").get() ?? 0n) + r.get("amount");
 *              context.value("sum").set(total);
 *              context.collect([total]);
 *            },
 *          };
 */
import type { ProcessDeclaration, TableTrait } from "./process-table-function.ts";

interface TextField {
  readonly name: string;
  readonly type: string;
}
interface Named {
  readonly name: string;
  readonly optional?: boolean;
}

export type TextParameter = Named &
  (
    | {
        readonly kind: "table";
        readonly traits: readonly TableTrait[];
        readonly fields?: readonly TextField[];
      }
    | { readonly kind: "scalar"; readonly type: string }
    | { readonly kind: "descriptor" }
  );

export interface UserProcessDeclaration {
  readonly kind: "process";
  readonly parameters?: readonly TextParameter[];
  readonly state?: readonly {
    readonly name: string;
    readonly kind: "value" | "list" | "map";
    readonly type: string;
    readonly keyType?: string;
    readonly ttlMs?: number;
  }[];
  readonly output: readonly TextField[];
  /** Default insert-only. */
  readonly changelog?: ProcessDeclaration["changelog"];
  readonly deterministic?: boolean;
}

const KINDS = ["table", "scalar", "descriptor"];
const STATES = ["value", "list", "map"];
const CHANGES = ["insert-only", "retract", "upsert"];
const TRAITS: readonly string[] = [
  "row-semantics",
  "set-semantics",
  "optional-partition-by",
  "pass-columns-through",
  "support-updates",
  "require-update-before",
  "require-full-delete",
  "require-on-time",
] satisfies readonly TableTrait[];

type Loose = Readonly<Partial<Record<string, unknown>>>;

const listOf = (value: unknown): readonly Loose[] | undefined =>
  value === undefined
    ? []
    : Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null)
      ? value
      : undefined;
const isTyped = ({ name, type }: Loose): boolean =>
  typeof name === "string" && typeof type === "string";

/** What is wrong with an export of kind "process"; undefined: nothing. */
export function processFault(exported: Loose): string | undefined {
  if (typeof exported.eval !== "function") return "it has no eval()";
  const output = listOf(exported.output);
  if (exported.output === undefined || !output?.every(isTyped))
    return "its output is no list of { name, type }";
  const { changelog = "insert-only" } = exported;
  if (!CHANGES.includes(changelog as string))
    return `its changelog is none of ${CHANGES.join(", ")}`;
  const states = listOf(exported.state);
  const isState = (one: Loose) =>
    isTyped(one) &&
    STATES.includes(one.kind as string) &&
    (one.kind !== "map" || typeof one.keyType === "string");
  if (!states?.every(isState))
    return `its state is no list of { name, kind, type }, kind being ${STATES.join(", ")} (a map has a keyType)`;
  const parameters = listOf(exported.parameters);
  if (!parameters?.every(isParameter))
    return `its parameters are no list of { name, kind }, kind being ${KINDS.join(", ")}; tables have traits, scalars a type`;
  return undefined;
}

function isParameter(one: Loose): boolean {
  if (typeof one.name !== "string") return false;
  if (one.kind === "descriptor") return true;
  if (one.kind === "scalar") return isTyped(one);
  if (one.kind !== "table" || !Array.isArray(one.traits)) return false;
  const traits = one.traits as readonly unknown[];
  const row = traits.includes("row-semantics");
  const known = traits.every((trait) => TRAITS.includes(trait as string));
  return known && row !== traits.includes("set-semantics") && listOf(one.fields) !== undefined;
}
