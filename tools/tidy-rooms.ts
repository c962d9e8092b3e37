/**
 * The rooms of the repository and who may import whom. Type-only imports count like others, except where the table
 * says "types". Tests beside the code may import anything; nobody imports cli, testkit, tests, bench and tools.
 */

export interface Room {
  readonly name: string;
  /** Path prefix. The longest prefix of a file decides. */
  readonly folder: string;
  readonly imports: readonly string[] | "anything";
  /** Rooms of which only types may be imported. */
  readonly types?: readonly string[];
  /** Runs in Node and in browsers: no packages, no node: modules. */
  readonly anyEnvironment?: true;
}

const DATA = ["base", "columnar", "contract", "host", "kernels"];
const DATAPLANE = [
  "contract",
  "kernels",
  "codegen",
  "operators",
  "state",
  "formats",
  "connectors",
  "runtime",
];

export const ROOMS: readonly Room[] = [
  { name: "base", folder: "src/foundation/base/", imports: [], anyEnvironment: true },
  {
    name: "columnar",
    folder: "src/foundation/columnar/",
    imports: ["base", "kernels"],
    anyEnvironment: true,
  },
  { name: "host", folder: "src/foundation/host/", imports: ["base"] },
  {
    name: "plan",
    folder: "src/foundation/plan/",
    imports: ["base", "columnar"],
    anyEnvironment: true,
  },
  {
    name: "sql",
    folder: "src/language/sql/",
    imports: ["base", "columnar", "plan"],
    anyEnvironment: true,
  },
  {
    name: "datastream",
    folder: "src/language/datastream/",
    imports: ["base", "columnar", "plan", "contract"],
  },
  {
    name: "contract",
    folder: "src/dataplane/contract/",
    imports: ["base", "columnar", "plan"],
    types: ["host", "kernels"],
  },
  { name: "kernels", folder: "src/dataplane/kernels/", imports: [] },
  {
    name: "codegen",
    folder: "src/dataplane/codegen/",
    imports: ["base", "columnar", "plan", "kernels"],
  },
  {
    name: "operators",
    folder: "src/dataplane/operators/",
    imports: ["base", "columnar", "plan", "contract", "codegen", "kernels"],
    types: ["host"],
  },
  { name: "formats", folder: "src/dataplane/formats/", imports: DATA },
  { name: "connectors", folder: "src/dataplane/connectors/", imports: DATA, types: ["plan"] },
  { name: "state", folder: "src/dataplane/state/", imports: DATA },
  {
    name: "runtime",
    folder: "src/dataplane/runtime/",
    imports: [...DATA, "plan", "codegen", "operators", "state"],
  },
  {
    name: "targets",
    folder: "src/controlplane/targets/",
    imports: ["base", "columnar", "plan", "host"],
  },
  {
    name: "targets/embedded",
    folder: "src/controlplane/targets/embedded/",
    imports: ["targets", "base", "columnar", "plan", "host", "sql", ...DATAPLANE],
  },
  {
    name: "targets/flink",
    folder: "src/controlplane/targets/flink/",
    imports: ["targets", "base", "plan", "host"],
  },
  { name: "store", folder: "src/controlplane/store/", imports: ["base", "host"] },
  { name: "access", folder: "src/controlplane/access/", imports: ["base", "host", "store"] },
  {
    name: "controller",
    folder: "src/controlplane/controller/",
    imports: ["base", "plan", "host", "sql", "targets", "store", "access"],
  },
  {
    name: "api",
    folder: "src/controlplane/api/",
    imports: ["base", "columnar", "plan", "sql", "controller", "access"],
    types: ["host"],
  },
  { name: "cli", folder: "src/cli/", imports: "anything" },
  {
    name: "console",
    folder: "console/",
    imports: ["base", "plan", "sql"],
    types: ["api"],
  },
  { name: "testkit", folder: "testkit/", imports: "anything" },
  { name: "tests", folder: "tests/", imports: "anything" },
  { name: "bench", folder: "bench/", imports: "anything" },
  { name: "tools", folder: "tools/", imports: "anything" },
];

/** Rooms that only rooms which may import anything import. */
const ENDS: readonly string[] = ["cli", "testkit", "tests", "bench", "tools"];

/** Doors into a room that are open to more than the table says. */
const DOORS = [
  {
    path: "src/dataplane/connectors/registry.ts",
    to: ["runtime"],
    why: "connectors by registry only",
  },
  {
    path: "src/dataplane/formats/registry.ts",
    to: ["runtime", "connectors"],
    why: "formats by registry only",
  },
];

export function roomOf(path: string): Room | undefined {
  return ROOMS.filter(({ folder }) => path.startsWith(folder)).sort(
    (a, b) => b.folder.length - a.folder.length,
  )[0];
}

/** Why `from` may not import the file, or undefined when it may. */
export function importRefusal(from: Room, target: string, typeOnly: boolean): string | undefined {
  const to = roomOf(target);
  if (to === undefined) return `${target} is in no room`;
  if (to.name === from.name || from.imports === "anything") return undefined;
  if (DOORS.some((door) => door.path === target && door.to.includes(from.name))) return undefined;
  if (ENDS.includes(to.name)) return `nobody imports ${to.name}`;
  if (from.imports.includes(to.name)) return undefined;
  if (from.types?.includes(to.name)) {
    return typeOnly ? undefined : `${from.name} may import only types of ${to.name}`;
  }
  const allowed = [...from.imports, ...(from.types ?? []).map((name) => `types of ${name}`)];
  return `${from.name} may import ${allowed.join(", ") || "nothing"}, not ${to.name}`;
}
