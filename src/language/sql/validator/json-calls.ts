/**
 * The SQL/JSON calls, whose words become literal arguments:
 *   JSON_EXISTS(input, path, onError)        JSON_VALUE(input, path, onEmpty, emptyDefault, onError, errorDefault)
 *   JSON_QUERY(input, path, wrapper, onEmpty, onError)   JSON_OBJECT(onNull, key, value, …)   JSON_ARRAY(onNull, value, …)
 *   IS_JSON(input, 'VALUE' | 'OBJECT' | 'ARRAY' | 'SCALAR')
 * Behaviours are their SQL words ("NULL", "ERROR", "DEFAULT", "EMPTY ARRAY", …); absent ones have Flink's defaults.
 */
import {
  type LogicalType,
  types,
  withNullable,
} from "../../../foundation/columnar/logical-type.ts";
import { type Expression, call, literal } from "../../../foundation/plan/expression.ts";
import { validateErrors } from "../errors.ts";
import type {
  IsJsonNode,
  JsonArrayNode,
  JsonBehavior,
  JsonExistsNode,
  JsonObjectNode,
  JsonQueryNode,
  JsonValueNode,
} from "../parser/ast.ts";
import { addAggregate, addOver, bindNamed } from "./calls.ts";
import { castTo } from "./casts.ts";
import { toLogicalType } from "./data-type.ts";
import type { ExpressionConverter } from "./expression-converter.ts";
import { bad, negate } from "./operators.ts";
import { isCharacter, isNull } from "./type-system.ts";

/** Flink's type for what the JSON aggregates give; it is not enforced. */
const AGGREGATE_LENGTH = 2000;

const word = (text: string): Expression => literal(text, types.string(false));

export function convertJson(
  converter: ExpressionConverter,
  node:
    | JsonExistsNode
    | JsonValueNode
    | JsonQueryNode
    | JsonObjectNode
    | JsonArrayNode
    | IsJsonNode,
): Expression {
  switch (node.kind) {
    case "isJson": {
      const operand = text(converter, node.operand, "IS JSON VALUE");
      const type = types.boolean(operand.type.nullable);
      const result = call("IS_JSON", [operand, word(node.item)], type);
      return node.negated ? negate(result) : result;
    }
    case "jsonObject":
      return jsonObject(converter, node);
    case "jsonArray":
      return jsonArray(converter, node);
    default:
      return pathCall(converter, node);
  }
}

function text(
  converter: ExpressionConverter,
  node: JsonExistsNode["input"],
  operator: string,
): Expression {
  const operand = converter.convert(node);
  if (isNull(operand.type)) return castTo(operand, types.string());
  if (isCharacter(operand.type)) return operand;
  const expected = `'<CHARACTER> ${operator}'`;
  if (!operator.startsWith("IS ")) throw bad(operator, [operand], node, expected);
  const given = `type '<${operand.type.kind}> ${operator}'. Supported form(s): ${expected}`;
  throw validateErrors.OPERATOR_FORM({ operator, given }, { at: node.span });
}

function pathCall(
  converter: ExpressionConverter,
  node: JsonExistsNode | JsonValueNode | JsonQueryNode,
): Expression {
  const name = { jsonExists: "JSON_EXISTS", jsonValue: "JSON_VALUE", jsonQuery: "JSON_QUERY" }[
    node.kind
  ];
  const args = [text(converter, node.input, name), text(converter, node.path, name)];
  const nullable = args[0]!.type.nullable;
  if (node.kind === "jsonExists") {
    args.push(word(node.onError?.behavior ?? "FALSE"));
    return call(name, args, types.boolean(nullable || node.onError?.behavior === "UNKNOWN"));
  }
  if (node.kind === "jsonValue") {
    const type = node.returning ? toLogicalType(node.returning) : types.string();
    args.push(...behaviour(converter, node.onEmpty, type));
    args.push(...behaviour(converter, node.onError, type));
    return call(name, args, withNullable(type, true));
  }
  const type = node.returning ? toLogicalType(node.returning) : types.string();
  if (type.kind === "ARRAY" && !isCharacter(type.element))
    throw validateErrors.TYPE_INVALID(
      {
        message: `Unsupported array element type '${type.element.kind}' for RETURNING ARRAY in JSON_QUERY()`,
      },
      { at: node.span },
    );
  if (!isCharacter(type) && !(type.kind === "ARRAY" && isCharacter(type.element)))
    throw validateErrors.TYPE_INVALID(
      {
        message:
          "Unsupported type for RETURNING in JSON_QUERY(): only STRING and ARRAY<STRING> are possible",
      },
      { at: node.span },
    );
  args.push(
    word(node.wrapper ?? "WITHOUT ARRAY"),
    word(node.onEmpty?.behavior ?? "NULL"),
    word(node.onError?.behavior ?? "NULL"),
  );
  return call(name, args, withNullable(type, true));
}

function behaviour(
  converter: ExpressionConverter,
  node: JsonBehavior | undefined,
  type: LogicalType,
): Expression[] {
  if (node?.behavior === "DEFAULT")
    return [word("DEFAULT"), castTo(converter.convert(node.value), type)];
  return [word(node?.behavior ?? "NULL"), literal(null, withNullable(type, true))];
}

/** JSON(text) stands for JSON itself here, and nowhere else. */
function jsonValue(converter: ExpressionConverter, node: JsonExistsNode["input"]): Expression {
  const json = node.kind === "call" && node.name.parts.at(-1)!.name.toUpperCase() === "JSON";
  if (!json) return converter.convert(node);
  const args = node.arguments.map((argument) => converter.convert(argument.value));
  return bindNamed(converter, "JSON", args, node);
}

function jsonObject(converter: ExpressionConverter, node: JsonObjectNode): Expression {
  const onNull = node.onNull ?? "NULL";
  const args: Expression[] = [];
  const inner = node.aggregate ? converter.insideAggregate() : converter;
  for (const entry of node.entries) {
    const key = inner.convert(entry.key);
    if (!isCharacter(key.type)) throw bad("JSON_OBJECT", [key], node, "'KEY <CHARACTER>'");
    args.push(key, jsonValue(inner, entry.value));
  }
  if (!node.aggregate) return call("JSON_OBJECT", [word(onNull), ...args], types.string(false));
  const name = onNull === "NULL" ? "JSON_OBJECTAGG_NULL_ON_NULL" : "JSON_OBJECTAGG_ABSENT_ON_NULL";
  return aggregate(converter, name, args, node);
}

function jsonArray(converter: ExpressionConverter, node: JsonArrayNode): Expression {
  const onNull = node.onNull ?? "ABSENT";
  const inner = node.aggregate ? converter.insideAggregate() : converter;
  const args = node.elements.map((element) => jsonValue(inner, element));
  if (!node.aggregate) return call("JSON_ARRAY", [word(onNull), ...args], types.string(false));
  const name = onNull === "NULL" ? "JSON_ARRAYAGG_NULL_ON_NULL" : "JSON_ARRAYAGG_ABSENT_ON_NULL";
  return aggregate(converter, name, args, node);
}

function aggregate(
  converter: ExpressionConverter,
  name: string,
  args: readonly Expression[],
  node: JsonObjectNode | JsonArrayNode,
): Expression {
  const type = types.varchar(AGGREGATE_LENGTH, false);
  if (node.over !== undefined)
    return addOver(converter, { name, args, type, distinct: false, node, over: node.over });
  return addAggregate(converter, { name, args, type, distinct: false, node, filter: node.filter });
}
