/**
 * ChangelogNormalize: keeps the last row per unique key; upserts become full changes, what changes nothing is dropped.
 *
 * In/out:  upserts (+I, +U; -D perhaps with only its key) → retract, or upsert without generateUpdateBefore. A -D or -U
 *          of a known key emits -D with the kept row.
 * Filter:  a row that does not pass `condition` counts as deleted: only rows that pass are kept.
 * State:   rows/kept-rows.ts. With a TTL, equal rows are emitted too, so that readers behind see that the key lives.
 * Source:  Flink StreamExecChangelogNormalize, ProcTimeDeduplicateKeepLastRowFunction.
 */
import {
  type BatchPtr,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  columnPtr,
} from "../../../foundation/columnar/batch.ts";
import type { ChangelogNormalizeNode } from "../../../foundation/plan/exec-node.ts";
import { type CompiledCalc, compileCalc } from "../../codegen/calc.ts";
import type { OperatorContext } from "../../contract/operator.ts";
import { BaseOperator, functionEnvironment } from "../base-operator.ts";
import { KEEP_MODE, KeptRows } from "../rows/kept-rows.ts";

export class ChangelogNormalizeOperator extends BaseOperator {
  readonly #node: ChangelogNormalizeNode;
  #rows: KeptRows | undefined;
  #condition: CompiledCalc | undefined;

  constructor(node: ChangelogNormalizeNode, context: OperatorContext) {
    super(context);
    this.#node = node;
  }

  override open(): void {
    const { uniqueKey, condition, generateUpdateBefore, output, description } = this.#node;
    this.#rows = new KeptRows({
      context: this.context,
      output,
      keys: uniqueKey,
      mode: KEEP_MODE.changelog,
      generateUpdateBefore,
      ttlMs: this.#node.stateTtlMs ?? 0,
      operator: description,
    });
    if (condition === undefined) return;
    this.#condition = compileCalc(
      {
        input: this.context.inputs[0]!,
        projection: [condition],
        output: { fields: [{ name: "pass", type: condition.type }] },
      },
      {
        runtime: this.context.runtime,
        environment: functionEnvironment(this.context),
        operator: description,
      },
    );
  }

  override processBatch(_input: number, batch: BatchPtr): void {
    if (this.#condition === undefined) {
      this.#rows!.process(batch);
      return;
    }
    const pass = columnPtr(this.#condition.process(batch), 0);
    const data = new DataView(this.context.runtime.memory.buffer);
    this.#rows!.process(
      batch,
      data.getUint32(pass + COLUMN_VALUES, true),
      data.getUint32(pass + COLUMN_VALIDITY, true),
    );
  }

  override endInput(): void {
    this.#rows!.finish();
  }

  override close(): void {
    this.#rows?.close();
    this.#rows = undefined;
  }
}
