/**
 * MatchParser: MATCH_RECOGNIZE.
 *
 * Flow:    expression-parser ← here ← relation-parser.
 * Shapes:  a pattern is a tree of PatternNode; an alternation and a sequence have two items or
 *          more.
 */
import type { Span } from "../../../foundation/base/errors.ts";
import type {
  AfterMatch,
  ExpressionNode,
  MatchRecognizeNode,
  MeasureNode,
  PatternNode,
  RelationNode,
} from "./ast.ts";
import { ExpressionParser } from "./expression-parser.ts";

export abstract class MatchParser extends ExpressionParser {
  protected matchRecognize(input: RelationNode, start: Span): MatchRecognizeNode {
    this.expect("MATCH_RECOGNIZE");
    this.expectOp("(");
    const partitioned = this.acceptWords("PARTITION", "BY");
    const partitionBy = partitioned ? this.commaList(() => this.expression()) : [];
    const orderBy = this.at("ORDER") ? this.orderBy() : [];
    const measures = this.accept("MEASURES") ? this.commaList(() => this.measure()) : [];
    const rowsPerMatch = this.rowsPerMatch();
    const afterMatch = this.accept("AFTER") ? this.afterMatch() : undefined;
    this.expect("PATTERN");
    this.expectOp("(");
    const strictStart = this.acceptOp("^");
    const pattern = this.pattern();
    const strictEnd = this.acceptOp("$") || this.acceptDollarWord();
    this.expectOp(")");
    const within = this.accept("WITHIN") ? this.expression() : undefined;
    const subsets = this.accept("SUBSET") ? this.commaList(() => this.subset()) : [];
    this.expect("DEFINE");
    const definitions = this.commaList(() => this.definition());
    this.expectOp(")");
    return {
      kind: "matchRecognize",
      input,
      partitionBy,
      orderBy,
      measures,
      ...(rowsPerMatch === undefined ? {} : { rowsPerMatch }),
      ...(afterMatch === undefined ? {} : { afterMatch }),
      pattern,
      strictStart,
      strictEnd,
      ...(within === undefined ? {} : { within }),
      subsets,
      definitions,
      span: this.spanFrom(start),
    };
  }

  /** A lone `$` is a word to the lexer. */
  private acceptDollarWord(): boolean {
    if (!this.peekIs(0, "$")) return false;
    this.advance();
    return true;
  }

  private measure(): MeasureNode {
    const start = this.here();
    const value = this.expression();
    this.expect("AS");
    const alias = this.identifierPart();
    return { value, alias, span: this.spanFrom(start) };
  }

  private rowsPerMatch(): "ONE ROW" | "ALL ROWS" | undefined {
    if (this.acceptWords("ONE", "ROW")) {
      this.expect("PER", "MATCH");
      return "ONE ROW";
    }
    if (!this.acceptWords("ALL", "ROWS")) return undefined;
    this.expect("PER", "MATCH");
    return "ALL ROWS";
  }

  private afterMatch(): AfterMatch {
    this.expect("MATCH", "SKIP");
    if (this.acceptWords("PAST", "LAST", "ROW")) return { skip: "PAST LAST ROW" };
    this.expect("TO");
    if (this.acceptWords("NEXT", "ROW")) return { skip: "TO NEXT ROW" };
    const variableFollows = this.isName(this.tokenAhead(1));
    const word = variableFollows ? this.acceptOne("FIRST", "LAST") : undefined;
    return { skip: `TO ${word ?? "LAST"}`, variable: this.identifierPart() };
  }

  private subset(): { name: MeasureNode["alias"]; variables: MeasureNode["alias"][] } {
    const name = this.identifierPart();
    this.expectOp("=");
    return { name, variables: this.identifierList() };
  }

  private definition(): { variable: MeasureNode["alias"]; condition: ExpressionNode } {
    const variable = this.identifierPart();
    this.expect("AS");
    return { variable, condition: this.expression() };
  }

  // ----------------------------------------------------------------------------------- patterns

  private pattern(): PatternNode {
    this.enter();
    const start = this.here();
    const items = [this.patternSequence()];
    while (this.acceptOp("|")) items.push(this.patternSequence());
    this.leave();
    if (items.length === 1) return items[0]!;
    return { kind: "patternAlternation", items, span: this.spanFrom(start) };
  }

  private patternSequence(): PatternNode {
    const start = this.here();
    const items = [this.patternFactor()];
    while (this.atPatternStart()) items.push(this.patternFactor());
    if (items.length === 1) return items[0]!;
    return { kind: "patternSequence", items, span: this.spanFrom(start) };
  }

  private atPatternStart(): boolean {
    if (this.peekIsOp(0, "(") || this.peekIsOp(0, "{-")) return true;
    if (this.peekIs(0, "$")) return false;
    return this.peekIs(0, "PERMUTE") || this.atIdentifier();
  }

  private patternFactor(): PatternNode {
    const start = this.here();
    const item = this.patternPrimary();
    const range = this.quantifier();
    if (range === undefined) return item;
    const reluctant = this.acceptOp("?");
    return { kind: "patternQuantified", item, ...range, reluctant, span: this.spanFrom(start) };
  }

  private patternPrimary(): PatternNode {
    const start = this.here();
    if (this.acceptOp("(")) {
      const inner = this.pattern();
      this.expectOp(")");
      return inner;
    }
    if (this.acceptOp("{-")) {
      const item = this.pattern();
      this.expectOp("-}");
      return { kind: "patternExclusion", item, span: this.spanFrom(start) };
    }
    if (this.accept("PERMUTE")) {
      const items = this.parenList(() => this.pattern());
      return { kind: "patternPermute", items, span: this.spanFrom(start) };
    }
    const name = this.identifierPart();
    return { kind: "patternVariable", name, span: name.span };
  }

  private quantifier(): { min: number; max?: number } | undefined {
    if (this.acceptOp("*")) return { min: 0 };
    if (this.acceptOp("+")) return { min: 1 };
    if (this.acceptOp("?")) return { min: 0, max: 1 };
    if (!this.acceptOp("{")) return undefined;
    if (this.acceptOp(",")) {
      const max = this.unsignedInteger();
      this.expectOp("}");
      return { min: 0, max };
    }
    const min = this.unsignedInteger();
    if (!this.acceptOp(",")) {
      this.expectOp("}");
      return { min, max: min };
    }
    const max = this.peekIsOp(0, "}") ? undefined : this.unsignedInteger();
    this.expectOp("}");
    return max === undefined ? { min } : { min, max };
  }
}
