/** Paths with *, ?, ** and {a,b}: which folder to list, and which of the files below it match. */
export interface PathPattern {
  /** The folder before the first name with a pattern. */
  readonly root: string;
  readonly matches: (path: string) => boolean;
}

/** Undefined when the path holds no pattern. */
export function parsePathPattern(path: string): PathPattern | undefined {
  const names = path.split("/");
  const first = names.findIndex((name) => /[*?{]/.test(name));
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
  for (const c of name) {
    if (c === "*") text += "[^/]*";
    else if (c === "?") text += "[^/]";
    else if (c === "{") {
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
