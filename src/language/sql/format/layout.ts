/**
 * The shape of a formatted statement: each clause on its line, lists and conditions on one line or one item a line.
 *
 * Flow:    pieces.ts → layout() → doc.ts.
 * Shapes:  a query that needs no more than FLAT_QUERY characters stays on one line; elements and options of tables never do.
 *          Parentheses, brackets, hints and CASE … END are nodes; clauses are told by the words that begin them, at their level.
 */
import type { StatementNode } from "../parser/ast.ts";
import { type Clause, findClauses } from "./clauses.ts";
import {
  comment,
  type Doc,
  group,
  hardLine,
  indent,
  line,
  list,
  listOf,
  separated,
  softLine,
  text,
} from "./doc.ts";
import { type Bracket, isPiece, keywordOf, nest, type Node, operatorOf } from "./nodes.ts";
import type { CommentText, Piece } from "./pieces.ts";

const FLAT_QUERY = 60;
export function layout(pieces: readonly Piece[], statement: StatementNode): Doc {
  return statementDoc(nest(pieces), statement);
}

// ------------------------------------------------------------------------------------- statements

const TABLES: ReadonlySet<string> = new Set([
  "createTable",
  "createMaterializedTable",
  "createModel",
  "createCatalog",
  "createDatabase",
  "alterTable",
  "alterMaterializedTable",
]);

function statementDoc(nodes: readonly Node[], statement: StatementNode): Doc {
  const begin = nodes.findIndex((node) => keywordOf(node) === "BEGIN");
  const isSet = begin > 0 && nodes.some((node) => operatorOf(node) === ";");
  if (isSet) return statementSet(nodes, begin);
  if (!TABLES.has(statement.kind)) return query(nodes, statement.kind);
  return query(nodes, statement.kind, ({ inner, open }, before) => {
    const isElements = open.token.value === "(" && before === "" && statement.kind.startsWith("c");
    const isLong = splitAfter(inner, ",").length > 1;
    return isElements || (isLong && ["WITH", "SET", "ADD", "MODIFY"].includes(before));
  });
}

/** EXECUTE STATEMENT SET BEGIN …; …; END. */
function statementSet(nodes: readonly Node[], begin: number): Doc {
  const end = nodes.findLastIndex((node) => keywordOf(node) === "END");
  const inserts = splitAfter(nodes.slice(begin + 1, end), ";");
  return list(
    run(nodes.slice(0, begin + 1)),
    indent(listOf(inserts.flatMap((insert) => [hardLine, query(insert, "insert")]))),
    hardLine,
    run(nodes.slice(end)),
  );
}

/** Whether parentheses behind a word (empty: behind a name) are always broken. */
type Forced = (bracket: Bracket, before: string) => boolean;

function query(nodes: readonly Node[], kind: string, forced?: Forced): Doc {
  const docs = findClauses(nodes, kind).map((clause) =>
    withTail([...clause.head, ...clause.body], () => clauseDoc(clause, forced)),
  );
  return docs.length === 1 ? docs[0]! : group(separated(docs, line), FLAT_QUERY);
}

/** A comment behind the last token ends its line, but breaks nothing before it. */
function withTail(nodes: readonly Node[], make: () => Doc): Doc {
  const last = nodes.at(-1);
  if (last === undefined) return make();
  const { after } = isPiece(last) ? last : last.close;
  if (after.length === 0) return make();
  const tail = after.splice(0).map(afterDoc);
  return list(make(), ...tail);
}

function clauseDoc({ type, head, body }: Clause, forced: Forced | undefined): Doc {
  switch (type) {
    case "list":
      return body.length === 0 ? run(head) : clauseList(head, body);
    case "condition":
      return group(list(run(head), text(" "), indent(expression(body))));
    case "relation":
      return relation(head, body);
    case "with": {
      const queries = splitAfter(body, ",").map((item) => run(item));
      return list(run(head), text(" "), separated(queries, line));
    }
    case "plain":
      return run([...head, ...body], forced);
  }
}

function clauseList(head: readonly Node[], body: readonly Node[]): Doc {
  return group(list(run(head), indent(list(line, items(body)))));
}

function items(nodes: readonly Node[]): Doc {
  return separated(
    splitAfter(nodes, ",").map((item) => withTail(item, () => expression(item))),
    line,
  );
}

/** FROM and JOIN: the condition goes to a line of its own when it is long. */
function relation(head: readonly Node[], body: readonly Node[]): Doc {
  const on = body.findIndex((node) => keywordOf(node) === "ON");
  const tables = on < 0 ? body : body.slice(0, on);
  const isList = splitAfter(tables, ",").length > 1;
  const doc = isList ? clauseList(head, tables) : list(run(head), text(" "), run(tables));
  if (on < 0) return doc;
  const condition = list(run([body[on]!]), text(" "), indent(expression(body.slice(on + 1))));
  return group(list(doc, indent(list(line, condition))));
}

// ------------------------------------------------------------------------------------ expressions

const LOOSEST_FIRST = ["OR", "AND", "||"];

/** Broken before its loosest operators when it is too long. */
function expression(nodes: readonly Node[], level = 0): Doc {
  for (let i = level; i < LOOSEST_FIRST.length; i++) {
    const parts = operands(nodes, LOOSEST_FIRST[i]!);
    if (parts.length < 2) continue;
    return group(
      separated(
        parts.map((part, at) => {
          if (at === 0) return expression(part, i + 1);
          return list(run(part.slice(0, 1)), text(" "), expression(part.slice(1), i + 1));
        }),
        line,
      ),
    );
  }
  return run(nodes);
}

/** Cut before each operator; the AND of BETWEEN is none. */
function operands(nodes: readonly Node[], operator: string): (readonly Node[])[] {
  const parts: (readonly Node[])[] = [];
  let from = 0;
  let between = 0;
  for (const [i, node] of nodes.entries()) {
    if (keywordOf(node) === "BETWEEN") between++;
    else if (operator === "AND" && between > 0 && keywordOf(node) === "AND") between--;
    else if (i > from && (keywordOf(node) === operator || operatorOf(node) === operator)) {
      parts.push(nodes.slice(from, i));
      from = i;
    }
  }
  parts.push(nodes.slice(from));
  return parts;
}

/** Nodes side by side; the first without the blank before it. */
function run(nodes: readonly Node[], forced?: Forced): Doc {
  const docs = nodes.map((node, i) => {
    if (isPiece(node)) return pieceDoc(node, i > 0 && node.blank);
    const before = nodes[i - 1];
    const isForced = forced?.(node, keywordOf(before)) ?? false;
    return bracketDoc(node, i > 0 && node.open.blank, keywordOf(before), isForced);
  });
  return listOf(docs);
}

const WINDOW_CLAUSES = new Set(["OVER", "AS"]);

/** What is remarked behind the closing piece stands outside the group: it does not make the bracket long. */
function bracketDoc(node: Bracket, blank: boolean, before: string, forced: boolean): Doc {
  const { after } = node.close;
  const bracket = { ...node, close: { ...node.close, after: [] } };
  const doc = closedDoc(bracket, blank, before, forced);
  return after.length === 0 ? doc : listOf([doc, ...after.map(afterDoc)]);
}

function closedDoc(node: Bracket, blank: boolean, before: string, forced: boolean): Doc {
  const { open, inner, close } = node;
  const opening = pieceDoc(open, blank);
  const closing = pieceDoc(close, false);
  if (open.keyword === "CASE") return caseDoc(node, blank);
  if (inner.length === 0) return list(opening, closing);
  if (open.token.value === "/*+") return list(opening, text(" "), run(inner), text(" "), closing);
  if (before === "PATTERN" || open.token.value === "{") return list(opening, run(inner), closing);
  const wrap = (content: Doc, edge: Doc, limit?: number) =>
    group(list(opening, indent(list(edge, content)), edge, closing), limit);
  if (isQuery(inner)) return wrap(query(inner, "query"), softLine, FLAT_QUERY);
  if (before === "MATCH_RECOGNIZE") return wrap(query(inner, "match"), hardLine);
  const first = keywordOf(inner[0]);
  if (WINDOW_CLAUSES.has(before) && (first === "PARTITION" || first === "ORDER"))
    return wrap(windowDoc(inner), softLine);
  return wrap(items(inner), forced ? hardLine : softLine);
}

function windowDoc(nodes: readonly Node[]): Doc {
  const clauses = findClauses(nodes, "window");
  return separated(
    clauses.map(({ head, body }) => run([...head, ...body])),
    line,
  );
}

function isQuery(nodes: readonly Node[]): boolean {
  const [first, second] = nodes;
  const keyword = keywordOf(first);
  if (keyword === "SELECT" || keyword === "WITH") return true;
  if (keyword === "VALUES") return second !== undefined;
  // A row whose first value is a query is none.
  if (nodes.some((node) => operatorOf(node) === ",")) return false;
  return (
    first !== undefined && !isPiece(first) && first.open.token.value === "(" && isQuery(first.inner)
  );
}

function caseDoc({ open, inner, close }: Bracket, blank: boolean): Doc {
  const branches: Node[][] = [[]];
  for (const node of inner) {
    const keyword = keywordOf(node);
    if (keyword === "WHEN" || keyword === "ELSE") branches.push([]);
    branches.at(-1)!.push(node);
  }
  const [operand, ...rest] = branches;
  const head = list(
    pieceDoc(open, blank),
    ...(operand!.length > 0 ? [text(" "), run(operand!)] : []),
  );
  const lines = rest.map((branch) => list(line, run(branch)));
  return group(list(head, indent(listOf(lines)), line, pieceDoc(close, false)));
}

function pieceDoc(piece: Piece, blank: boolean): Doc {
  const parts: Doc[] = [];
  let needsBlank = blank;
  for (const { text: words, ownLine, endsLine } of piece.before) {
    if (needsBlank && !ownLine) parts.push(text(" "));
    parts.push(comment(words, { ownLine, endsLine }));
    needsBlank = true;
  }
  if (needsBlank) parts.push(text(" "));
  parts.push(text(piece.text));
  parts.push(...piece.after.map(afterDoc));
  return parts.length === 1 ? parts[0]! : listOf(parts);
}

function afterDoc({ text: words, endsLine }: CommentText): Doc {
  return list(text(" "), comment(words, { ownLine: false, endsLine }));
}

// ----------------------------------------------------------------------------------------- cutting

/** Each part ends with the operator, the last one need not. */
function splitAfter(nodes: readonly Node[], operator: string): (readonly Node[])[] {
  const parts: (readonly Node[])[] = [];
  let from = 0;
  for (const [i, node] of nodes.entries()) {
    if (operatorOf(node) !== operator) continue;
    parts.push(nodes.slice(from, i + 1));
    from = i + 1;
  }
  if (from < nodes.length) parts.push(nodes.slice(from));
  return parts;
}
