/**
 * What a person needs beside an error's message: the hint for the usual slip, "did you mean", and the place in the script. Messages
 * stay as they are, since tools compare them.
 *
 * Flow:    SqlSession, checkScript() → here. An error that says enough comes back as it was.
 */
import { nearest } from "../../../foundation/base/text.ts";
import { MillraceError, type ErrorPlace, type Span } from "../../../foundation/base/errors.ts";
import { planErrors, validateErrors } from "../errors.ts";
import { parseErrors } from "../parse-errors.ts";
import type { OptionNode, SelectNode, StatementNode } from "../parser/ast.ts";
import { FOREIGN_FUNCTIONS, FOREIGN_TYPES, TYPE_NAMES } from "./foreign-names.ts";

interface Refinement {
  readonly hint?: string | undefined;
  readonly didYouMean?: readonly string[] | undefined;
  readonly at?: Span | undefined;
}

/** `statement`: the one that was refused; `script`: all that came before it and itself. */
export function refineError(
  error: MillraceError,
  statement: StatementNode,
  script: readonly StatementNode[] = [statement],
): MillraceError {
  const refinement = find(error, statement, script);
  if (refinement === undefined) return error;
  const { hint, didYouMean, at } = refinement;
  const place: ErrorPlace = {
    ...error.place,
    ...(at === undefined ? {} : { at }),
    ...(didYouMean === undefined || didYouMean.length === 0 ? {} : { didYouMean }),
  };
  const definition =
    hint === undefined ? error.definition : { ...error.definition, hint: escaped(hint) };
  return new MillraceError(definition, error.params, place);
}

/** Braces of a hint would be taken for parameters. */
const escaped = (hint: string) => hint.replace(/\{(\w+)\}/g, "{ $1 }");

function find(
  error: MillraceError,
  statement: StatementNode,
  script: readonly StatementNode[],
): Refinement | undefined {
  switch (error.code) {
    case validateErrors.COLUMN_NOT_FOUND.definition.code:
      return unknownColumn(error, statement);
    case validateErrors.FUNCTION_NOT_FOUND.definition.code:
      return unknownFunction(error);
    case validateErrors.TYPE_INVALID.definition.code:
      return unknownType(error);
    case validateErrors.OPERATOR_ARGUMENTS.definition.code:
      return temporalArithmetic(error);
    case validateErrors.WINDOW_ARGUMENT.definition.code:
      return timeAttribute(error);
    case planErrors.CHANGES_NOT_ACCEPTED.definition.code:
      return updates(error);
    case parseErrors.NOT_ALLOWED.definition.code:
      return /ENFORCED mode/.test(error.message)
        ? { hint: "Write NOT ENFORCED behind it: PRIMARY KEY (…) NOT ENFORCED." }
        : undefined;
    default:
      return optionPlace(error, script);
  }
}

// ----------------------------------------------------------------------------------------- names

function unknownColumn(error: MillraceError, statement: StatementNode): Refinement | undefined {
  const column = String(error.params.column);
  const { at, didYouMean = [] } = error.place;
  const alias = at === undefined ? undefined : aliasAround(statement, at, column);
  if (alias !== undefined)
    return {
      hint: `${column} is a name that SELECT gives, and ${alias} comes before SELECT: repeat its expression here, or filter in a query around this one.`,
    };
  if (didYouMean.length > 0) return undefined;
  const known = String(error.params.known).split(", ");
  return { didYouMean: nearest(column, known) };
}

/** The clause in which the place stands, when its SELECT gives this name. */
function aliasAround(statement: StatementNode, at: Span, name: string): string | undefined {
  let found: string | undefined;
  walk(statement, (node) => {
    if ((node as { kind?: string }).kind !== "select") return;
    const select = node as SelectNode;
    const clause = (["where", "groupBy", "having"] as const).find((each) => {
      const span = select[each]?.span;
      return span !== undefined && span.start <= at.start && at.end <= span.end;
    });
    if (clause === undefined) return;
    if (select.items.some(({ alias }) => alias?.name === name)) found = CLAUSES[clause];
  });
  return found;
}

const CLAUSES = { where: "WHERE", groupBy: "GROUP BY", having: "HAVING" } as const;

function unknownFunction(error: MillraceError): Refinement | undefined {
  const [name = ""] = String(error.params.signature).split("(");
  const known = FOREIGN_FUNCTIONS[name.toUpperCase()];
  return known === undefined ? undefined : { didYouMean: [known] };
}

function unknownType(error: MillraceError): Refinement | undefined {
  const name = /registered as (\S+)$/.exec(error.message)?.[1];
  if (name === undefined) return undefined;
  const foreign = FOREIGN_TYPES[name.toUpperCase()];
  const didYouMean = foreign === undefined ? nearest(name, TYPE_NAMES) : [foreign];
  return {
    didYouMean,
    hint: "Types are BOOLEAN, INT, BIGINT, DOUBLE, DECIMAL(p, s), STRING, BYTES, DATE, TIME, TIMESTAMP(p), TIMESTAMP_LTZ(p), ARRAY<…>, MAP<…>, ROW<…> and others.",
  };
}

// ------------------------------------------------------------------------------------------ time

const TEMPORAL = /<(?:TIMESTAMP|DATE|TIME)/;

function temporalArithmetic(error: MillraceError): Refinement | undefined {
  const { operator, given } = error.params;
  const isSum = operator === "+" || operator === "-";
  if (!isSum || !TEMPORAL.test(String(given))) return undefined;
  return { hint: `Add or take away an interval: ts ${String(operator)} INTERVAL '5' MINUTE.` };
}

function timeAttribute(error: MillraceError): Refinement | undefined {
  if (!/time attribute/.test(error.message)) return undefined;
  return {
    hint: "A time attribute is a TIMESTAMP(3) column with a watermark in CREATE TABLE (WATERMARK FOR ts AS ts - INTERVAL '5' SECOND), or proc AS PROCTIME(); a text becomes a time in a computed column: ts AS TO_TIMESTAMP(text).",
  };
}

// --------------------------------------------------------------------------------------- changes

/** Names the operator that makes the updates, and the one that cannot take them. */
function updates(error: MillraceError): Refinement | undefined {
  const { consumer, producer, changes, origin } = error.params as Record<string, string>;
  const taker = String(consumer).replace(/^StreamPhysical/, "");
  const maker = MAKERS[origin ?? producer ?? ""] ?? `${origin ?? producer} makes them`;
  const isSink = String(consumer).startsWith("Table sink");
  const remedy = isSink
    ? "Write into a table with a PRIMARY KEY or a format of changes (debezium-json), or group by a window so that results are final."
    : "Group by a window so that results are final, or put this step before the one that makes updates.";
  return { hint: `${maker}, and ${taker} takes no ${changes}s. ${remedy}` };
}

const MAKERS: Readonly<Record<string, string>> = {
  GroupAggregate: "GROUP BY (GroupAggregate) changes a group's result with every row",
  Join: "The outer join (Join) takes back rows without a match when one comes",
  Rank: "Top-N (Rank) takes back rows that others push out",
  Deduplicate: "Keeping the last row of a key (Deduplicate) replaces the one before",
  ChangelogNormalize: "The source hands on updates (ChangelogNormalize)",
  TableSourceScan: "The source itself hands on updates (TableSourceScan)",
};

// --------------------------------------------------------------------------------------- options

/** An option of a table is wrong: it stands in the script's CREATE TABLE. */
function optionPlace(
  error: MillraceError,
  script: readonly StatementNode[],
): Refinement | undefined {
  const { key, value, identifier } = error.params;
  if (key === undefined && identifier === undefined) return undefined;
  const fits = (option: OptionNode) =>
    identifier === undefined
      ? option.key === key && (value === undefined || option.value === String(value))
      : option.value === identifier;
  for (const statement of script.toReversed()) {
    if (statement.kind !== "createTable") continue;
    const option = statement.options.find(fits);
    if (option !== undefined) return { at: option.span, ...nearOption(error) };
  }
  return undefined;
}

function nearOption(error: MillraceError): Refinement {
  const wanted = error.place.didYouMean;
  if (wanted !== undefined && wanted.length > 0) return {};
  const { key, known } = error.params;
  if (typeof key !== "string" || typeof known !== "string") return {};
  return { didYouMean: nearest(key, known.split(", ")) };
}

/** Every node of a tree, without recursion. */
function walk(root: unknown, visit: (node: object) => void): void {
  const open: unknown[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    visit(next);
    for (const value of Object.values(next))
      if (typeof value === "object" && value !== null) open.push(value);
  }
}
