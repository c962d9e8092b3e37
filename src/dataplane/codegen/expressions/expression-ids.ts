/** Numbers expressions so that equal ones get one number; calls that may differ each time never share one. */
import { typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Call, Expression } from "../../../foundation/plan/expression.ts";

export class ExpressionIds {
  readonly #byObject = new WeakMap<Expression, number>();
  readonly #byKey = new Map<string, number>();
  readonly #deterministic: (call: Call) => boolean;
  #next = 0;

  constructor(deterministic: (call: Call) => boolean) {
    this.#deterministic = deterministic;
  }

  idOf(expression: Expression): number {
    let id = this.#byObject.get(expression);
    if (id === undefined) {
      id = this.#number(expression);
      this.#byObject.set(expression, id);
    }
    return id;
  }

  #number(expression: Expression): number {
    if (expression.kind === "call" && !this.#deterministic(expression)) return this.#next++;
    const key = this.#key(expression);
    let id = this.#byKey.get(key);
    if (id === undefined) {
      id = this.#next++;
      this.#byKey.set(key, id);
    }
    return id;
  }

  #key(expression: Expression): string {
    const type = typeToString(expression.type);
    switch (expression.kind) {
      case "input":
        return `i${expression.index}`;
      case "field":
        return `f${this.idOf(expression.input)}.${expression.index}`;
      case "literal":
        return `l${JSON.stringify(expression.value)}:${type}`;
      case "call":
        return `${expression.function}(${expression.args.map((arg) => this.idOf(arg)).join()}):${type}`;
    }
  }
}
