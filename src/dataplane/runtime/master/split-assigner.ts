/**
 * SplitAssigner: finds the splits of one scan and gives them to its subtasks.
 *
 * Flow:    SplitEnumerator.discover → here → `splits` messages. After a restore: positions of the
 *          checkpoint are dealt out among the subtasks there are now, and the enumerator remembers
 *          what it had found.
 * Rules:   a split goes to the subtask with the fewest. A snapshot never holds a split that was not
 *          yet handed to a worker: while discover() runs, it is the state from before the call.
 * Errors:  MR5017 when discover() fails at the start. Later, a failure is counted and the next tick
 *          tries again; after DISCOVERY_FAILURES in a row the job fails.
 */
import { MillraceError } from "../../../foundation/base/errors.ts";
import type { Env } from "../../../foundation/host/env.ts";
import type { TableSourceScanNode } from "../../../foundation/plan/exec-node.ts";
import type { SourceSplit, SplitEnumerator } from "../../contract/source.ts";
import { runtimeErrors } from "../errors.ts";

const DISCOVERY_FAILURES = 5;

/** A scan's part of a checkpoint on the master's side. */
export interface EnumeratorSnapshot {
  /** False: nothing was discovered yet, a restore starts afresh. */
  readonly started: boolean;
  readonly state: unknown;
}

export interface SplitAssignerOptions {
  readonly node: TableSourceScanNode;
  readonly enumerator: SplitEnumerator;
  readonly env: Env;
  readonly parallelism: number;
  readonly assign: (subtask: number, splits: readonly SourceSplit[], noMore: boolean) => void;
  readonly fail: (error: unknown) => void;
}

export class SplitAssigner {
  readonly #options: SplitAssignerOptions;
  readonly #counts: number[];
  #before: EnumeratorSnapshot | undefined = { started: false, state: undefined };
  #failures = 0;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: SplitAssignerOptions) {
    this.#options = options;
    this.#counts = new Array<number>(options.parallelism).fill(0);
  }

  get node(): TableSourceScanNode {
    return this.#options.node;
  }

  /** Assigns what there is to read. */
  async start(
    restored:
      | { readonly snapshot: EnumeratorSnapshot; readonly splits: readonly SourceSplit[] }
      | undefined,
  ): Promise<void> {
    const { enumerator } = this.#options;
    if (restored?.snapshot.started === true) {
      enumerator.restore(restored.snapshot.state);
      this.#before = undefined;
      this.#deal(restored.splits);
      this.#schedule();
      return;
    }
    try {
      await this.#discover();
    } catch (error) {
      throw this.#discoveryError(error);
    }
  }

  snapshot(): EnumeratorSnapshot {
    return this.#before ?? { started: true, state: this.#options.enumerator.snapshot() };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#options.enumerator.close();
  }

  async #discover(): Promise<void> {
    this.#before ??= { started: true, state: this.#options.enumerator.snapshot() };
    const splits = await this.#options.enumerator.discover();
    this.#before = undefined;
    if (this.#closed) return;
    this.#deal(splits);
    this.#schedule();
  }

  get #isOnce(): boolean {
    return this.#options.enumerator.discoverMs === 0 || this.#options.node.bounded;
  }

  #deal(splits: readonly SourceSplit[]): void {
    const shares: SourceSplit[][] = this.#counts.map(() => []);
    for (const split of splits) {
      const subtask = this.#counts.indexOf(Math.min(...this.#counts));
      this.#counts[subtask]!++;
      shares[subtask]!.push(split);
    }
    shares.forEach((share, subtask) => {
      if (share.length > 0 || this.#isOnce) this.#options.assign(subtask, share, this.#isOnce);
    });
  }

  #schedule(): void {
    if (this.#isOnce || this.#closed) return;
    const { env, enumerator, fail } = this.#options;
    this.#cancelTimer = env.timers.after(enumerator.discoverMs, () => {
      this.#discover().then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => {
          // What was found so far is still all that is known: the state from before the call
          // stands.
          this.#failures++;
          if (this.#failures >= DISCOVERY_FAILURES) fail(this.#discoveryError(error));
          else this.#schedule();
        },
      );
    });
  }

  #discoveryError(error: unknown): MillraceError {
    if (error instanceof MillraceError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const source = this.#options.node.table.name;
    return runtimeErrors.SPLIT_DISCOVERY_FAILED({ source, reason }, { cause: error });
  }
}
