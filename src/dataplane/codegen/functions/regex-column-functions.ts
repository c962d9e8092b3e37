/**
 * Regular expressions that come in columns, and REGEXP_EXTRACT_ALL: column functions that compile each pattern for the linear
 * engine (kernels/regex.as.ts) and call it row by row; literal patterns are part of the generated code (regex-functions.ts).
 *
 * Patterns: compiled ones are kept (MAX_PROGRAMS in all); those that a batch uses are copied to the arena once a batch.
 * NULL:    a NULL argument gives NULL, and so does a pattern that is no expression (REGEXP: FALSE), as in Flink.
 * Errors:  VALUE_TOO_LARGE for a pattern or a search beyond its limits.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import { expressionError, NOT_WELL_FORMED } from "../errors.ts";
import type { CodegenRuntime } from "../generated-module.ts";
import { programOf, replacementPieces } from "./regex-functions.ts";
import type { RegexProgram } from "./regex/regex-program.ts";
import { similarToRegex } from "./regex/similar-to.ts";
import type { ColumnCall, ColumnFunction, FunctionTable } from "./registry.ts";

const STATUS_NULL = 12;

/** One batch: programs in its arena, and the status words of kernels. */
class Matching {
  readonly columns: ColumnCall;
  readonly kernels: CodegenRuntime["kernels"];
  readonly #name: string;
  readonly #programs = new Map<string, Located | undefined>();
  readonly #pieces = new Map<string, number>();
  readonly #status: number;

  constructor(columns: ColumnCall, name: string) {
    this.columns = columns;
    this.kernels = columns.runtime.kernels;
    this.#name = name;
    this.#status = this.kernels.codegenStatus() >>> 0;
  }

  /** The program of a pattern; undefined for one that is no expression. */
  program(pattern: string): Located | undefined {
    if (!this.#programs.has(pattern)) {
      const found = readable(() => programOf(pattern, this.#name));
      this.#programs.set(pattern, found && { ...found, address: this.#copied(found.bytes) });
    }
    return this.#programs.get(pattern);
  }

  pieces(replacement: string): number {
    const known = this.#pieces.get(replacement) ?? this.#copied(replacementPieces(replacement));
    this.#pieces.set(replacement, known);
    return known;
  }

  /** Whether the kernel said NULL; throws what it reported. */
  tookNull(row: number): boolean {
    const data = new DataView(this.columns.runtime.memory.buffer, this.#status);
    const code = data.getUint32(0, true);
    const isNull = data.getUint32(STATUS_NULL, true) !== 0;
    data.setUint32(STATUS_NULL, 0, true);
    if (code === 0) return isNull;
    data.setUint32(0, 0, true);
    throw expressionError(code, { function: this.#name, where: `row ${row} of its batch` }, "");
  }

  #copied(bytes: Uint8Array): number {
    const address = this.kernels.arenaAlloc(bytes.length) >>> 0;
    new Uint8Array(this.columns.runtime.memory.buffer).set(bytes, address);
    return address;
  }
}

interface Located extends RegexProgram {
  readonly address: number;
}

/** Undefined for a pattern that is not well formed. */
function readable<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof MillraceError && error.code === NOT_WELL_FORMED) return undefined;
    throw error;
  }
}

type Compute = (matching: Matching, row: number, text: bigint, program: Located) => void;

function overPattern(
  compute: Compute,
  unreadable: (columns: ColumnCall, row: number) => void = ({ out }, row) => out.setNull(row),
  patternAt: (columns: ColumnCall, row: number) => string = ({ args }, row) => args[1]!.string(row),
): ColumnFunction {
  return {
    kind: "column",
    prepare: (call) => (columns) => {
      const matching = new Matching(columns, call.function);
      const { rows, mask, args, out } = columns;
      for (let row = 0; row < rows; row++) {
        if (mask !== undefined && mask[row] === 0) continue;
        if (args.some((arg) => arg.isNull(row))) {
          out.setNull(row);
          continue;
        }
        const pattern = patternAt(columns, row);
        const program = matching.program(pattern);
        if (program === undefined) unreadable(columns, row);
        else compute(matching, row, args[0]!.view(row), program);
      }
    },
  };
}

/** A view from a kernel, or NULL. */
function put(matching: Matching, row: number, view: bigint): void {
  const { out } = matching.columns;
  if (matching.tookNull(row)) out.setNull(row);
  else out.setView(row, view);
}

const find: Compute = (matching, row, text, { address }) => {
  const found = matching.kernels.regexFind(text, address) !== 0;
  matching.tookNull(row);
  matching.columns.out.setBoolean(row, found);
};

/** Flink's REGEXP finds the empty pattern nowhere. */
const findPattern: Compute = (matching, row, text, program) => {
  if (matching.columns.args[1]!.string(row) === "") matching.columns.out.setBoolean(row, false);
  else find(matching, row, text, program);
};

const count =
  (kernel: "regexCount" | "regexInstr"): Compute =>
  (matching, row, text, { address }) => {
    const result = matching.kernels[kernel](text, address);
    matching.tookNull(row);
    matching.columns.out.setNumber(row, result);
  };

const extract =
  (kernel: "regexExtract" | "regexExtractAll", group: number): Compute =>
  (matching, row, text, { address }) => {
    const given = matching.columns.args[2];
    const index = given === undefined ? group : given.number(row);
    put(matching, row, matching.kernels[kernel](text, index, address));
  };

const replace: Compute = (matching, row, text, program) => {
  const pieces = matching.pieces(matching.columns.args[2]!.string(row));
  put(matching, row, matching.kernels.regexReplace(text, program.address, pieces));
};

const similarPattern = ({ args: [, pattern, escaping] }: ColumnCall, row: number) =>
  similarToRegex(pattern!.string(row), escaping?.string(row));

export const regexColumnFunctions: FunctionTable = {
  REGEXP: overPattern(findPattern, ({ out }, row) => out.setBoolean(row, false)),
  REGEXP_COUNT: overPattern(count("regexCount")),
  REGEXP_INSTR: overPattern(count("regexInstr")),
  REGEXP_SUBSTR: overPattern(extract("regexExtract", 0)),
  REGEXP_EXTRACT: overPattern(extract("regexExtract", 0)),
  REGEXP_EXTRACT_ALL: overPattern(extract("regexExtractAll", 1)),
  REGEXP_REPLACE: overPattern(replace),
  SIMILAR_TO: overPattern(find, undefined, similarPattern),
};
