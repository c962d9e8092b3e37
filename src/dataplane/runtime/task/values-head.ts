/**
 * ValuesHead: drives an operator without input (Values): asks it once for its rows, then ends it.
 *
 * Rules:   a barrier finds it either before its rows or ended; what has ended emits nothing after a
 *          restore.
 */
import type { ExecNode } from "../../../foundation/plan/exec-node.ts";
import type { OperatorRunner } from "./operator-runner.ts";
import type { HeadStep } from "./source-head.ts";

export class ValuesHead {
  readonly node: ExecNode;
  readonly #runner: OperatorRunner;
  #barrierId = 0;
  #blockedByBarrier = false;

  constructor(runner: OperatorRunner) {
    this.node = runner.node;
    this.#runner = runner;
  }

  get ended(): boolean {
    return this.#runner.ended;
  }

  get blockedByBarrier(): boolean {
    return this.#blockedByBarrier;
  }

  /** As SourceHead. */
  reached(checkpointId: number): boolean {
    return this.#barrierId >= checkpointId;
  }

  /** As SourceHead. */
  barrier(checkpointId: number, waits: boolean): void {
    this.#barrierId = checkpointId;
    this.#blockedByBarrier = waits;
  }

  /** As SourceHead. */
  unblock(checkpointId: number): void {
    if (this.#barrierId <= checkpointId) this.#blockedByBarrier = false;
  }

  /** Its rows were not asked for yet: a job that is drained gives them up. */
  drain(): void {}

  poll(): HeadStep {
    if (this.ended) return "ended";
    this.#runner.produce();
    return "progress";
  }
}
