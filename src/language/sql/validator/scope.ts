/**
 * Scope: which columns a name may mean at one place of a query, and how a name becomes a reference.
 *
 * Flow:    query-converter builds scopes; expression-converter asks them.
 * Rules:   column names are case-sensitive. `a.b.c` is tried as table.column.field first (also with database and catalog),
 *          then as column.field.field, then as field of the only ROW column that has it. A name that only an outer query knows becomes a call of OUTER_REF.
 * Errors:  MR2102, MR2103, MR2104 not found, MR2105 ambiguous.
 */
import { nearest } from "../../../foundation/base/text.ts";
import { type LogicalType, types } from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, input, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type { IdentifierPart, Node } from "../parser/ast.ts";
import { OUTER_REF } from "../rel/rel-node.ts";

export interface ScopeColumn {
  readonly name: string;
  readonly type: LogicalType;
  /** Field index in the rel that the scope describes. */
  readonly index: number;
}
export interface ScopeTable {
  /** Alias, or the last part of the table's name. */
  readonly name: string | undefined;
  /** Full name when it can be used as a qualifier. */
  readonly path: readonly string[];
  readonly columns: readonly ScopeColumn[];
}
/** A column of NATURAL or USING: one for both sides. */
export interface MergedColumn {
  readonly name: string;
  readonly expression: Expression;
  readonly sources: readonly number[];
}

export class Scope {
  readonly id: number;
  readonly tables: readonly ScopeTable[];
  readonly parent: Scope | undefined;
  readonly merged: readonly MergedColumn[];

  constructor(
    id: number,
    tables: readonly ScopeTable[],
    parent: Scope | undefined,
    merged: readonly MergedColumn[] = [],
  ) {
    this.id = id;
    this.tables = tables;
    this.parent = parent;
    this.merged = merged;
  }

  /** The expression of a name, or a catalogue error. */
  resolve(parts: readonly IdentifierPart[], node: Node): Expression {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const found = scope.#find(parts, node);
      if (found === undefined) continue;
      const own = scope === this ? found : outer(scope.id, found);
      return own;
    }
    throw this.#notFound(parts, node);
  }

  /** All columns in order, merged ones first. */
  allColumns(): { name: string; expression: Expression }[] {
    const hidden = new Set(this.merged.flatMap((column) => column.sources));
    const rest = this.tables
      .flatMap((table) => table.columns)
      .filter((column) => !hidden.has(column.index))
      .map((c) => ({ name: c.name, expression: input(c.index, c.type) as Expression }));
    return [...this.merged.map((m) => ({ name: m.name, expression: m.expression })), ...rest];
  }

  tableNamed(parts: readonly string[]): ScopeTable | undefined {
    return this.tables.find((table) => tableMatches(table, parts));
  }

  #find(parts: readonly IdentifierPart[], node: Node): Expression | undefined {
    const names = parts.map((part) => part.name);
    for (let qualifier = Math.min(3, names.length - 1); qualifier >= 1; qualifier--) {
      const table = this.tableNamed(names.slice(0, qualifier));
      if (table === undefined) continue;
      const column = table.columns.find((c) => c.name === names[qualifier]);
      if (column === undefined) {
        if (this.#unqualified(names[0]!, node) !== undefined) continue;
        throw columnNotInTable(names[qualifier]!, table, parts[qualifier]!);
      }
      return nestedField(input(column.index, column.type), parts.slice(qualifier + 1));
    }
    const column = this.#unqualified(names[0]!, parts[0]!);
    if (column !== undefined) return nestedField(column, parts.slice(1));
    const row = this.#rowWith(names[0]!);
    return row && nestedField(row, parts);
  }

  /** The only ROW column with a field of that name: its fields can be named alone. */
  #rowWith(name: string): Expression | undefined {
    const rows = this.tables.flatMap((table) =>
      table.columns.filter(
        ({ type }) => type.kind === "ROW" && type.fields.some((field) => field.name === name),
      ),
    );
    const [row] = rows;
    return row !== undefined && rows.length === 1 ? input(row.index, row.type) : undefined;
  }

  #unqualified(name: string, node: Node): Expression | undefined {
    const merged = this.merged.find((column) => column.name === name);
    if (merged !== undefined) return merged.expression;
    const found = this.tables.flatMap((table) =>
      table.columns.filter((column) => column.name === name).map((column) => ({ table, column })),
    );
    if (found.length > 1) {
      const choices = found.map(({ table }) => `${table.name ?? "?"}.${name}`).join(", ");
      throw validateErrors.COLUMN_AMBIGUOUS({ column: name, choices }, { at: node.span });
    }
    const column = found[0]?.column;
    return column && input(column.index, column.type);
  }

  #notFound(parts: readonly IdentifierPart[], node: Node): Error {
    const known: string[] = [];
    const tables: string[] = [];
    for (let s: Scope | undefined = this; s !== undefined; s = s.parent)
      for (const table of s.tables) {
        if (table.name !== undefined) tables.push(table.name);
        known.push(...table.columns.map((column) => column.name));
      }
    const first = parts[0]!;
    if (parts.length > 1)
      return validateErrors.TABLE_ALIAS_NOT_FOUND(
        { table: first.name, known: list(tables) },
        { at: first.span, didYouMean: nearest(first.name, tables) },
      );
    return validateErrors.COLUMN_NOT_FOUND(
      { column: first.name, known: list(known) },
      { at: node.span, didYouMean: nearest(first.name, known) },
    );
  }
}

const MAX_LISTED = 20;
function list(names: readonly string[]): string {
  const unique = [...new Set(names)];
  if (unique.length === 0) return "none";
  const shown = unique.slice(0, MAX_LISTED).join(", ");
  return unique.length > MAX_LISTED ? `${shown}, …` : shown;
}

function tableMatches(table: ScopeTable, parts: readonly string[]): boolean {
  if (parts.length === 1) return table.name === parts[0];
  if (table.path.length < parts.length) return false;
  const tail = table.path.slice(table.path.length - parts.length);
  return tail.every((part, i) => part === parts[i]);
}

function columnNotInTable(column: string, table: ScopeTable, node: Node): Error {
  const known = table.columns.map((c) => c.name);
  return validateErrors.COLUMN_NOT_IN_TABLE(
    { column, table: table.name ?? "?", known: list(known) },
    { at: node.span, didYouMean: nearest(column, known) },
  );
}

/** Follows a path into ROW fields. */
export function nestedField(start: Expression, parts: readonly IdentifierPart[]): Expression {
  let expression = start;
  for (const part of parts) {
    const type = expression.type;
    if (type.kind === "NULL") return expression;
    const fields = type.kind === "ROW" || type.kind === "STRUCTURED" ? type.fields : [];
    const index = fields.findIndex((field) => field.name === part.name);
    if (index < 0)
      throw validateErrors.COLUMN_NOT_FOUND(
        { column: part.name, known: list(fields.map((field) => field.name)) },
        {
          at: part.span,
          didYouMean: nearest(
            part.name,
            fields.map((f) => f.name),
          ),
        },
      );
    const field = fields[index]!.type;
    const nullable = field.nullable || type.nullable;
    expression = { kind: "field", input: expression, index, type: { ...field, nullable } };
  }
  return expression;
}

function outer(id: number, expression: Expression): Expression {
  if (expression.kind === "field") return { ...expression, input: outer(id, expression.input) };
  if (expression.kind === "call")
    return { ...expression, args: expression.args.map((arg) => outer(id, arg)) };
  if (expression.kind === "literal") return expression;
  const args = [literal(id, types.int(false)), literal(expression.index, types.int(false))];
  return call(OUTER_REF, args, expression.type);
}
