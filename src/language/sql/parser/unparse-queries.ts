/**
 * Syntax tree → text, for queries and what stands in FROM; see unparse.ts.
 */
import type {
  AfterMatch,
  GroupItemNode,
  HintNode,
  JoinNode,
  MatchRecognizeNode,
  OrderedQueryNode,
  PatternNode,
  QueryNode,
  RelationNode,
  SelectNode,
  SetOperationNode,
  TableNode,
} from "./ast.ts";
import {
  unparseExpression,
  unparseList,
  unparseOrderBy,
  unparseSubquery,
  unparseWindow,
} from "./unparse-expressions.ts";
import { quoteName, quoteString, unparseName, unparseNames, unparseType } from "./unparse-types.ts";

export function unparseQuery(query: QueryNode): string {
  switch (query.kind) {
    case "select":
      return unparseSelect(query);
    case "values":
      return `VALUES ${query.rows.map((row) => `(ROW(${unparseList(row)}))`).join(",\n")}`;
    case "tableQuery":
      return `TABLE ${unparseName(query.name)}`;
    case "setOperation":
      return unparseSetOperation(query);
    case "orderedQuery":
      return unparseOrdered(query);
    case "with": {
      const items = query.items.map(({ name, columns, query: inner }) => {
        const list = columns.length === 0 ? "" : ` ${unparseNames(columns)}`;
        return `${quoteName(name.name)}${list} AS ${unparseSubquery(inner)}`;
      });
      return `WITH ${items.join(", ")} ${unparseQuery(query.query)}`;
    }
  }
}

/** One pair of parentheses around the whole chain: it is read from left to right again. */
function unparseSetOperation(query: SetOperationNode): string {
  let text = `(${operandOf(query.first)}`;
  for (const { operator, all, query: next } of query.branches) {
    text += `\n${operator}${all ? " ALL" : ""}\n${operandOf(next)}`;
  }
  return `${text})`;
}

function operandOf(query: QueryNode): string {
  const plain = query.kind === "select" || query.kind === "values" || query.kind === "tableQuery";
  return plain ? unparseQuery(query) : unparseSubquery(query);
}

function unparseOrdered(query: OrderedQueryNode): string {
  const inner = query.query;
  let text =
    inner.kind === "orderedQuery" || inner.kind === "with"
      ? unparseSubquery(inner)
      : unparseQuery(inner);
  if (query.orderBy.length > 0) text += `\n${unparseOrderBy(query.orderBy)}`;
  if (query.offset !== undefined) text += `\nOFFSET ${unparseExpression(query.offset)} ROWS`;
  if (query.limit !== undefined) text += `\nFETCH NEXT ${unparseExpression(query.limit)} ROWS ONLY`;
  return text;
}

function unparseSelect(select: SelectNode): string {
  const items = select.items.map(({ value, alias }) => {
    const text = unparseExpression(value);
    return alias === undefined ? text : `${text} AS ${quoteName(alias.name)}`;
  });
  const quantifier = select.quantifier === undefined ? "" : ` ${select.quantifier}`;
  let text = `SELECT${unparseHints(select.hints)}${quantifier} ${items.join(", ")}`;
  if (select.from !== undefined) text += `\nFROM ${unparseRelation(select.from)}`;
  if (select.where !== undefined) text += `\nWHERE ${unparseExpression(select.where)}`;
  if (select.groupBy !== undefined) {
    const word = select.groupBy.quantifier === undefined ? "" : ` ${select.groupBy.quantifier}`;
    text += `\nGROUP BY${word} ${unparseGroups(select.groupBy.items)}`;
  }
  if (select.having !== undefined) text += `\nHAVING ${unparseExpression(select.having)}`;
  if (select.windows.length > 0) {
    const windows = select.windows.map(
      ({ name, window }) => `${quoteName(name.name)} AS ${unparseWindow(window)}`,
    );
    text += `\nWINDOW ${windows.join(", ")}`;
  }
  if (select.qualify !== undefined) text += `\nQUALIFY ${unparseExpression(select.qualify)}`;
  return text;
}

function unparseGroups(items: readonly GroupItemNode[]): string {
  return items.map(unparseGroup).join(", ");
}

function unparseGroup(item: GroupItemNode): string {
  switch (item.kind) {
    case "groupExpression":
      return unparseExpression(item.value);
    case "group":
      return `(${unparseGroups(item.items)})`;
    case "rollup":
      return `ROLLUP(${unparseGroups(item.items)})`;
    case "cube":
      return `CUBE(${unparseGroups(item.items)})`;
    case "groupingSets":
      return `GROUPING SETS(${unparseGroups(item.items)})`;
  }
}

// ---------------------------------------------------------------------------------------- hints

export function unparseHints(hints: readonly HintNode[]): string {
  if (hints.length === 0) return "";
  return ` /*+ ${hints.map(unparseHint).join(", ")} */`;
}

function unparseHint(hint: HintNode): string {
  const name = quoteName(hint.name.name);
  if (hint.options.length === 0) return name;
  const options = hint.options.map(({ key, keyQuoted, value, quoted }) => {
    const shown = hintWord(value, quoted);
    return key === undefined ? shown : `${hintWord(key, keyQuoted === true)} = ${shown}`;
  });
  return `${name}(${options.join(", ")})`;
}

function hintWord(value: string, quoted: boolean): string {
  if (quoted) return quoteString(value);
  return /^\d/.test(value) ? value : value.split(".").map(quoteName).join(".");
}

// ------------------------------------------------------------------------------------ relations

export function unparseRelation(relation: RelationNode): string {
  let text = unparseBare(relation);
  if (relation.alias !== undefined) {
    const { name, columns } = relation.alias;
    if (relation.kind === "join") text = `(${text})`;
    text += ` AS ${quoteName(name.name)}`;
    if (columns.length > 0) text += ` ${unparseNames(columns)}`;
  }
  if (relation.sample !== undefined) {
    const { method, percentage, seed } = relation.sample;
    text += ` TABLESAMPLE ${method}(${percentage})`;
    if (seed !== undefined) text += ` REPEATABLE(${seed})`;
  }
  return text;
}

function unparseBare(relation: RelationNode): string {
  switch (relation.kind) {
    case "table":
      return unparseTable(relation);
    case "fileTable":
      return quoteString(relation.path) + unparseHints(relation.hints);
    case "tableFunction": {
      const lateral = relation.lateral ? "LATERAL " : "";
      const call = `${lateral}TABLE(${unparseExpression(relation.call)})`;
      return call + unparseHints(relation.hints);
    }
    case "derivedTable":
      return (relation.lateral ? "LATERAL " : "") + unparseSubquery(relation.query);
    case "unnest": {
      const ordinality = relation.withOrdinality ? " WITH ORDINALITY" : "";
      const lateral = relation.lateral ? "LATERAL " : "";
      return `${lateral}UNNEST(${unparseList(relation.operands)})${ordinality}`;
    }
    case "join":
      return unparseJoins(relation);
    case "matchRecognize":
      return unparseMatch(relation);
  }
}

export function unparseTable(table: TableNode): string {
  let text = unparseName(table.name) + unparseHints(table.hints);
  if (table.extend.length > 0) {
    const columns = table.extend.map((c) => `${quoteName(c.name.name)} ${unparseType(c.type)}`);
    text += ` EXTEND (${columns.join(", ")})`;
  }
  if (table.systemTime !== undefined) {
    text += ` FOR SYSTEM_TIME AS OF ${unparseExpression(table.systemTime)}`;
  }
  return text;
}

/** Left-deep joins in a loop, so that their number does not matter. */
function unparseJoins(last: JoinNode): string {
  const joins: JoinNode[] = [last];
  let left = last.left;
  while (left.kind === "join" && left.alias === undefined && left.sample === undefined) {
    // A join behind a comma belongs to the comma's right side; on the left it needs parentheses.
    if (left.type === "COMMA" && joins.at(-1)!.type !== "COMMA") break;
    joins.push(left);
    left = left.left;
  }
  let text =
    left.kind === "join" && left.alias === undefined
      ? `(${unparseRelation(left)})`
      : unparseRelation(left);
  for (const join of joins.reverse()) text += unparseJoin(join);
  return text;
}

function unparseJoin(join: JoinNode): string {
  const bare = unparseRelation(join.right);
  const nested = join.right.kind === "join" && join.right.alias === undefined;
  const right = nested && (join.type !== "COMMA" || isComma(join.right)) ? `(${bare})` : bare;
  if (join.type === "COMMA") return `,\n${right}`;
  const word = join.natural ? `NATURAL ${join.type}` : join.type;
  let text = `\n${word} JOIN ${right}`;
  if (join.on !== undefined) text += ` ON ${unparseExpression(join.on)}`;
  if (join.using !== undefined) text += ` USING ${unparseNames(join.using)}`;
  return text;
}

function isComma(relation: RelationNode): boolean {
  return relation.kind === "join" && relation.type === "COMMA";
}

// ------------------------------------------------------------------------------ MATCH_RECOGNIZE

function unparseMatch(match: MatchRecognizeNode): string {
  const input =
    match.input.kind === "join"
      ? `(${unparseRelation(match.input)})`
      : unparseRelation(match.input);
  const lines: string[] = [];
  if (match.partitionBy.length > 0) lines.push(`PARTITION BY ${unparseList(match.partitionBy)}`);
  if (match.orderBy.length > 0) lines.push(unparseOrderBy(match.orderBy));
  if (match.measures.length > 0) {
    const measures = match.measures.map(
      (m) => `${unparseExpression(m.value)} AS ${quoteName(m.alias.name)}`,
    );
    lines.push(`MEASURES ${measures.join(", ")}`);
  }
  if (match.rowsPerMatch !== undefined) lines.push(`${match.rowsPerMatch} PER MATCH`);
  if (match.afterMatch !== undefined) lines.push(unparseAfterMatch(match.afterMatch));
  const pattern = unparsePattern(match.pattern);
  lines.push(`PATTERN (${match.strictStart ? "^ " : ""}${pattern}${match.strictEnd ? " $" : ""})`);
  if (match.within !== undefined) lines.push(`WITHIN ${unparseExpression(match.within)}`);
  if (match.subsets.length > 0) {
    const subsets = match.subsets.map(
      (s) => `${quoteName(s.name.name)} = ${unparseNames(s.variables)}`,
    );
    lines.push(`SUBSET ${subsets.join(", ")}`);
  }
  const definitions = match.definitions.map(
    (d) => `${quoteName(d.variable.name)} AS ${unparseExpression(d.condition)}`,
  );
  lines.push(`DEFINE ${definitions.join(", ")}`);
  return `${input} MATCH_RECOGNIZE(\n${lines.join("\n")})`;
}

function unparseAfterMatch(after: AfterMatch): string {
  const variable = "variable" in after ? ` ${quoteName(after.variable.name)}` : "";
  return `AFTER MATCH SKIP ${after.skip}${variable}`;
}

function unparsePattern(pattern: PatternNode): string {
  switch (pattern.kind) {
    case "patternVariable":
      return quoteName(pattern.name.name);
    case "patternSequence":
      return `(${pattern.items.map(unparsePattern).join(" ")})`;
    case "patternAlternation":
      return `(${pattern.items.map(unparsePattern).join(" | ")})`;
    case "patternPermute":
      return `PERMUTE (${pattern.items.map(unparsePattern).join(", ")})`;
    case "patternExclusion":
      return `{- ${unparsePattern(pattern.item)} -}`;
    case "patternQuantified": {
      const item = unparsePattern(pattern.item);
      const inner = pattern.item.kind === "patternQuantified" ? `(${item})` : item;
      const lazy = pattern.reluctant ? "?" : "";
      return inner + unparseQuantifier(pattern.min, pattern.max) + lazy;
    }
  }
}

function unparseQuantifier(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? "*" : min === 1 ? "+" : `{ ${min}, }`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{ ${min} }` : `{ ${min}, ${max} }`;
}
