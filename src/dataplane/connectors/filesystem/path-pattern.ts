/** Paths with *, ?, **, [ab] and {a,b}: which folder to list, and which of the files below it match. */
import { baseErrors } from "../../../foundation/base/errors.ts";

export interface PathPattern {
  /** The folder before the first name with a pattern. */
  readonly root: string;
  readonly matches: (path: string) => boolean;
}

/** Undefined when the path holds no pattern. */
export function parsePathPattern(path: string): PathPattern | undefined {
  const names = path.split("/");
  const first = names.findIndex((name) => /[*?{[]/.test(name));
  if (first < 0) return undefined;
  const root = names.slice(0, first).join("/");
  const expression = new RegExp(`^${names.map(nameExpression).join("")}$`, "u");
  const start = path.startsWith("/") && root === "" ? "/" : root === "" ? "." : root;
  return { root: start, matches: (candidate) => expression.test(candidate) };
}

function nameExpression(name: string, index: number, names: readonly string[]): string {
  const last = index === names.length - 1;
  if (name === "**") return last ? ".*" : "(?:[^/]+/)*";
  let text = "";
  let depth = 0;
  for (let i = 0; i < name.length; i++) {
    const c = name[i]!;
    if (c === "*") text += "[^/]*";
    else if (c === "?") text += "[^/]";
    else if (c === "[" && name.indexOf("]", i + 2) > 0) {
      const end = name.indexOf("]", i + 2);
      const set = name.slice(i + 1, end).replace(/[\\^[\]&~]/g, "\\$&");
      text += `[${set.replace(/^!/, "^")}]`;
      i = end;
    } else if (c === "{") {
      depth++;
      text += "(?:";
    } else if (c === "}" && depth > 0) {
      depth--;
      text += ")";
    } else if (c === "," && depth > 0) text += "|";
    else text += c.replace(/[\\^$.|?*+()[\]{}]/, "\\$&");
  }
  return text + ")".repeat(depth) + (last ? "" : "/");
}

/** Writing, and folders of partitions, need one folder. */
export function checkFolder(path: string): void {
  if (parsePathPattern(path) !== undefined)
    throw baseErrors.OPTION_INVALID({
      key: "path",
      value: path,
      expected: "a folder, without a pattern",
    });
}
