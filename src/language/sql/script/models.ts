/**
 * CREATE, ALTER, DROP, DESCRIBE and SHOW CREATE MODEL: the catalog's side of models. Asking one (ML_PREDICT) is a matter of
 * the planner.
 *
 * Source: Flink's model operations (FLIP-437) and their messages.
 */
import { isSecretName, maskUrlPasswords, SECRET_MASK } from "../../../foundation/base/secrets.ts";
import { typeToString, types, withNullable } from "../../../foundation/columnar/logical-type.ts";
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import { type CatalogModel, identifierSummary } from "../catalog/catalog-objects.ts";
import { optionsOf } from "../catalog/table-definition.ts";
import { validateErrors } from "../errors.ts";
import type {
  AlterObjectNode,
  CreateModelNode,
  DescribeNode,
  IdentifierNode,
  TableElementNode,
} from "../parser/ast.ts";
import { quoteName, quoteString } from "../parser/unparse-types.ts";
import { toLogicalType } from "../validator/data-type.ts";
import { stringRows, typedRows } from "./rows.ts";
import type { SessionContext } from "./session-context.ts";
import type { StatementResult } from "./session-types.ts";

const OK: StatementResult = { kind: "ok" };
const namesOf = (name: IdentifierNode): string[] => name.parts.map((part) => part.name);

export function createModel(session: SessionContext, node: CreateModelNode): StatementResult {
  if (node.query !== undefined)
    throw validateErrors.NOT_SUPPORTED(
      {
        what: "CREATE MODEL … AS SELECT",
        remedy: "Train the model elsewhere, and name it WITH (…).",
      },
      { at: node.span },
    );
  const options = optionsOf(node.options);
  if (options.provider === undefined)
    throw validateErrors.STATEMENT_INVALID(
      {
        message: "Missing required option 'provider' in the model's options.",
        remedy: "Add 'provider' = '…' to WITH.",
      },
      { at: node.span },
    );
  const model: CatalogModel = {
    identifier: session.catalog.qualify(namesOf(node.name)),
    temporary: node.temporary,
    ...(node.comment === undefined ? {} : { comment: node.comment }),
    input: fieldsOf(node.input),
    output: fieldsOf(node.output),
    options,
  };
  session.catalog.createModel(model, node.ifNotExists);
  return OK;
}

function fieldsOf(elements: readonly TableElementNode[]): RowField[] {
  return elements.map((element) => {
    if (element.kind === "physicalColumn")
      return {
        name: element.name.parts.map((part) => part.name).join("."),
        type: toLogicalType(element.type),
      };
    throw validateErrors.TABLE_DEFINITION(
      {
        message: "Columns of a model's INPUT and OUTPUT have a name and a type only.",
        remedy: "Leave out keys, watermarks and expressions.",
      },
      { at: element.span },
    );
  });
}

export function modelOf(session: SessionContext, name: IdentifierNode): CatalogModel {
  const model = session.catalog.model(namesOf(name));
  if (model !== undefined) return model;
  const { catalog, database, object } = session.catalog.qualify(namesOf(name));
  throw validateErrors.OBJECT_NOT_FOUND(
    { object: "Model with identifier", name: `'${catalog}.${database}.${object}'` },
    { at: name.span },
  );
}

export function alterModel(session: SessionContext, node: AlterObjectNode): StatementResult {
  const { catalog } = session;
  if (node.ifExists && catalog.model(namesOf(node.name)) === undefined) return OK;
  const model = modelOf(session, node.name);
  const { action } = node;
  switch (action.action) {
    case "setOptions":
      catalog.replaceModel({
        ...model,
        options: { ...model.options, ...optionsOf(action.options) },
      });
      return OK;
    case "resetOptions": {
      if (action.keys.length === 0)
        throw validateErrors.STATEMENT_INVALID(
          { message: "ALTER MODEL RESET does not support empty key", remedy: "Name the option." },
          { at: node.span },
        );
      const kept = Object.entries(model.options).filter(([key]) => !action.keys.includes(key));
      catalog.replaceModel({ ...model, options: Object.fromEntries(kept) });
      return OK;
    }
    case "setComment":
      catalog.replaceModel({ ...model, comment: action.comment });
      return OK;
    default: {
      const { temporary } = model;
      const identifier = catalog.qualify(namesOf(action.to), model.identifier);
      catalog.createModel({ ...model, identifier }, false);
      catalog.dropModel(model.identifier, { temporary, ifExists: false });
      return OK;
    }
  }
}

export function describeModel(session: SessionContext, node: DescribeNode): StatementResult {
  const { input, output } = modelOf(session, node.name);
  const row = ({ name, type }: RowField, isInput: boolean) => [
    name,
    typeToString(withNullable(type, true)),
    type.nullable,
    isInput,
  ];
  return typedRows(
    [
      ["name", types.string()],
      ["type", types.string()],
      ["null", types.boolean()],
      ["is input", types.boolean()],
    ],
    [...input.map((field) => row(field, true)), ...output.map((field) => row(field, false))],
  );
}

export function showCreateModel(session: SessionContext, name: IdentifierNode): StatementResult {
  const model = modelOf(session, name);
  const fields = (list: readonly RowField[]) =>
    `(${list.map((field) => `${quoteName(field.name)} ${typeToString(field.type)}`).join(", ")})`;
  const options = Object.entries(model.options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => {
      const shown = isSecretName(key) ? SECRET_MASK : maskUrlPasswords(value);
      return `  ${quoteString(key)} = ${quoteString(shown)}`;
    });
  const lines = [
    `CREATE ${model.temporary ? "TEMPORARY " : ""}MODEL ${identifierSummary(model.identifier)}`,
    ...(model.input.length === 0 ? [] : [`INPUT ${fields(model.input)}`]),
    ...(model.output.length === 0 ? [] : [`OUTPUT ${fields(model.output)}`]),
    ...(model.comment === undefined ? [] : [`COMMENT ${quoteString(model.comment)}`]),
    `WITH (\n${options.join(",\n")}\n)`,
  ];
  return stringRows(["result"], [[`${lines.join("\n")}\n`]]);
}
