/**
 * Syntax tree → text, for the JSON functions; see unparse.ts.
 */
import type {
  DataTypeNode,
  JsonArrayNode,
  JsonBehavior,
  JsonExistsNode,
  JsonObjectNode,
  JsonQueryNode,
  JsonValueNode,
} from "./ast.ts";
import {
  unparseExpression,
  unparseList,
  unparseOrderBy,
  withSuffix,
} from "./unparse-expressions.ts";
import { unparseType } from "./unparse-types.ts";

export function unparseJson(
  node: JsonExistsNode | JsonValueNode | JsonQueryNode | JsonObjectNode | JsonArrayNode,
): string {
  if (node.kind === "jsonObject") return unparseObject(node);
  if (node.kind === "jsonArray") return unparseArray(node);
  const path = `${unparseExpression(node.input)}, ${unparseExpression(node.path)}`;
  const onError = behavior(node.onError, "ERROR");
  switch (node.kind) {
    case "jsonExists":
      return `JSON_EXISTS(${path}${onError})`;
    case "jsonValue":
      return `JSON_VALUE(${path}${returning(node.returning)}${behavior(node.onEmpty, "EMPTY")}${onError})`;
    case "jsonQuery": {
      const wrapper = node.wrapper === undefined ? "" : ` ${node.wrapper} WRAPPER`;
      const onEmpty = behavior(node.onEmpty, "EMPTY");
      return `JSON_QUERY(${path}${returning(node.returning)}${wrapper}${onEmpty}${onError})`;
    }
  }
}

function returning(type: DataTypeNode | undefined): string {
  return type === undefined ? "" : ` RETURNING ${unparseType(type)}`;
}

function behavior(value: JsonBehavior | undefined, on: "EMPTY" | "ERROR"): string {
  if (value === undefined) return "";
  const text = "value" in value ? `DEFAULT ${unparseExpression(value.value)}` : value.behavior;
  return ` ${text} ON ${on}`;
}

function onNull(value: "NULL" | "ABSENT" | undefined): string {
  return value === undefined ? "" : ` ${value} ON NULL`;
}

function unparseObject(node: JsonObjectNode): string {
  const entries = node.entries.map(
    ({ key, value }) => `KEY ${unparseExpression(key)} VALUE ${unparseExpression(value)}`,
  );
  const name = node.aggregate ? "JSON_OBJECTAGG" : "JSON_OBJECT";
  return withSuffix(`${name}(${(entries.join(", ") + onNull(node.onNull)).trimStart()})`, node);
}

function unparseArray(node: JsonArrayNode): string {
  const name = node.aggregate ? "JSON_ARRAYAGG" : "JSON_ARRAY";
  const orderBy = node.orderBy.length === 0 ? "" : ` ${unparseOrderBy(node.orderBy)}`;
  const inner = (unparseList(node.elements) + orderBy + onNull(node.onNull)).trimStart();
  return withSuffix(`${name}(${inner})`, node);
}
