/**
 * JsonParser: JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY and their aggregates.
 *
 * Flow:    data-type-parser ← here ← call-parser.
 * Shapes:  clauses that were not written are absent; the validator knows their defaults.
 */
import type {
  CallSuffix,
  ExpressionNode,
  JsonBehavior,
  JsonEntryNode,
  JsonQueryNode,
  OrderItemNode,
  QueryNode,
} from "./ast.ts";
import { DataTypeParser } from "./data-type-parser.ts";

export abstract class JsonParser extends DataTypeParser {
  abstract expression(): ExpressionNode;
  /** An expression without comparisons, IN, BETWEEN, AND, OR. */
  protected abstract tightExpression(): ExpressionNode;
  protected abstract primary(): ExpressionNode;
  abstract query(): QueryNode;
  abstract orderBy(): OrderItemNode[];
  protected abstract callSuffix(): CallSuffix;

  protected jsonCall(name: string): ExpressionNode | undefined {
    switch (name) {
      case "JSON_EXISTS":
        return this.jsonExists();
      case "JSON_VALUE":
        return this.jsonValue();
      case "JSON_QUERY":
        return this.jsonQuery();
      case "JSON_OBJECT":
      case "JSON_OBJECTAGG":
        return this.jsonObject(name === "JSON_OBJECTAGG");
      case "JSON_ARRAY":
      case "JSON_ARRAYAGG":
        return this.jsonArray(name === "JSON_ARRAYAGG");
      default:
        return undefined;
    }
  }

  private inputAndPath(): { input: ExpressionNode; path: ExpressionNode } {
    this.advance();
    this.expectOp("(");
    const input = this.expression();
    this.expectOp(",");
    const path = this.expression();
    if (this.at("PASSING")) {
      throw this.unsupported("PASSING in a JSON function", "Write the values into the path.");
    }
    return { input, path };
  }

  private jsonExists(): ExpressionNode {
    const start = this.here();
    const call = this.inputAndPath();
    const behavior = this.acceptOne("TRUE", "FALSE", "UNKNOWN", "ERROR");
    if (behavior !== undefined) this.expect("ON", "ERROR");
    this.expectOp(")");
    const node = { kind: "jsonExists", ...call } as const;
    const span = this.spanFrom(start);
    return behavior === undefined ? { ...node, span } : { ...node, onError: { behavior }, span };
  }

  private jsonValue(): ExpressionNode {
    const start = this.here();
    const call = this.inputAndPath();
    const returning = this.accept("RETURNING") ? this.dataType() : undefined;
    const behaviors = this.behaviors(() => this.valueBehavior());
    this.expectOp(")");
    return {
      kind: "jsonValue",
      ...call,
      ...(returning === undefined ? {} : { returning }),
      ...behaviors,
      span: this.spanFrom(start),
    };
  }

  private jsonQuery(): ExpressionNode {
    const start = this.here();
    const call = this.inputAndPath();
    const returning = this.accept("RETURNING") ? this.dataType() : undefined;
    const wrapper = this.wrapper();
    const behaviors = this.behaviors(() => this.queryBehavior());
    this.expectOp(")");
    return {
      kind: "jsonQuery",
      ...call,
      ...(returning === undefined ? {} : { returning }),
      ...(wrapper === undefined ? {} : { wrapper }),
      ...behaviors,
      span: this.spanFrom(start),
    };
  }

  private wrapper(): JsonQueryNode["wrapper"] | undefined {
    let wrapper: JsonQueryNode["wrapper"] | undefined;
    if (this.accept("WITHOUT")) wrapper = "WITHOUT ARRAY";
    else if (this.accept("WITH")) {
      const unconditional = this.acceptOne("CONDITIONAL", "UNCONDITIONAL") !== "CONDITIONAL";
      wrapper = unconditional ? "WITH UNCONDITIONAL ARRAY" : "WITH CONDITIONAL ARRAY";
    } else return undefined;
    this.accept("ARRAY");
    this.expect("WRAPPER");
    return wrapper;
  }

  /** `… ON EMPTY` and `… ON ERROR`, each once, in any order. */
  private behaviors(read: () => JsonBehavior | undefined): {
    onEmpty?: JsonBehavior;
    onError?: JsonBehavior;
  } {
    let onEmpty: JsonBehavior | undefined;
    let onError: JsonBehavior | undefined;
    for (let behavior = read(); behavior !== undefined; behavior = read()) {
      this.expect("ON");
      if (onEmpty === undefined && this.accept("EMPTY")) onEmpty = behavior;
      else if (onError === undefined && this.accept("ERROR")) onError = behavior;
      else throw this.unexpected();
    }
    return {
      ...(onEmpty === undefined ? {} : { onEmpty }),
      ...(onError === undefined ? {} : { onError }),
    };
  }

  private valueBehavior(): JsonBehavior | undefined {
    const behavior = this.acceptOne("NULL", "ERROR");
    if (behavior !== undefined) return { behavior };
    if (!this.accept("DEFAULT")) return undefined;
    return { behavior: "DEFAULT", value: this.expression() };
  }

  private queryBehavior(): JsonBehavior | undefined {
    const behavior = this.acceptOne("NULL", "ERROR");
    if (behavior !== undefined) return { behavior };
    if (!this.accept("EMPTY")) return undefined;
    return { behavior: `EMPTY ${this.expectOne("ARRAY", "OBJECT")}` };
  }

  private onNull(): { onNull?: "NULL" | "ABSENT" } {
    if (!this.peekIs(1, "ON")) return {};
    const onNull = this.acceptOne("NULL", "ABSENT");
    if (onNull === undefined) return {};
    this.expect("ON", "NULL");
    return { onNull };
  }

  private jsonObject(aggregate: boolean): ExpressionNode {
    const start = this.here();
    this.advance();
    this.expectOp("(");
    const empty = this.peekIsOp(0, ")") || this.peekIs(1, "ON");
    let entries: JsonEntryNode[] = [];
    if (aggregate) entries = [this.jsonEntry()];
    else if (!empty) entries = this.commaList(() => this.jsonEntry());
    const onNull = this.onNull();
    this.expectOp(")");
    const suffix = aggregate ? this.callSuffix() : {};
    const span = this.spanFrom(start);
    return { kind: "jsonObject", aggregate, entries, ...onNull, ...suffix, span };
  }

  private jsonEntry(): JsonEntryNode {
    const start = this.here();
    if (this.peekIs(0, "KEY") && !this.peekIs(1, "VALUE") && !this.peekIsOp(1, ":")) this.advance();
    const key = this.expression();
    if (!this.acceptOp(":")) this.expect("VALUE");
    const value = this.expression();
    if (this.at("FORMAT")) {
      throw this.unsupported("FORMAT JSON", "Wrap the value in JSON(…).");
    }
    return { key, value, span: this.spanFrom(start) };
  }

  private jsonArray(aggregate: boolean): ExpressionNode {
    const start = this.here();
    this.advance();
    this.expectOp("(");
    const empty = this.peekIsOp(0, ")") || this.peekIs(1, "ON");
    let elements: ExpressionNode[] = [];
    if (aggregate) elements = [this.expression()];
    else if (!empty) elements = this.commaList(() => this.expression());
    const orderBy = aggregate && this.at("ORDER") ? this.orderBy() : [];
    const onNull = this.onNull();
    this.expectOp(")");
    const suffix = aggregate ? this.callSuffix() : {};
    const span = this.spanFrom(start);
    return { kind: "jsonArray", aggregate, elements, orderBy, ...onNull, ...suffix, span };
  }
}
