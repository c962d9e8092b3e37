import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "../../../foundation/columnar/logical-type.ts";
import type { AsyncCorrelateNode } from "../../../foundation/plan/exec-node.ts";
import { call, input, literal } from "../../../foundation/plan/expression.ts";
import { type UserFunction, referenceText } from "../../../foundation/plan/user-function.ts";
import { nodeBase, schemaOf } from "../../../../testkit/operator-harness/node-base.ts";
import type { HarnessEvent } from "../../../../testkit/operator-harness/operator-case.ts";
import { rows, time, watermark } from "../../../../testkit/operator-harness/operator-case.ts";
import {
  type HarnessSnapshot,
  OperatorHarness,
} from "../../../../testkit/operator-harness/operator-harness.ts";

const INPUT = schemaOf({ k: types.string(), v: types.int() });
const FIELDS = [{ name: "r", type: types.string() }];
const name = (kind: string) =>
  referenceText({ name: "f", module: "m", export: kind, deterministic: true, async: true });

function node(
  kind: "scalar" | "table",
  asking: Partial<AsyncCorrelateNode["asking"]> = {},
  joinType: "INNER" | "LEFT" = "INNER",
): AsyncCorrelateNode {
  return {
    ...nodeBase(schemaOf({ k: types.string(), v: types.int(), r: types.string() })),
    type: "AsyncCorrelate",
    joinType,
    request: { kind, function: name(kind) },
    args: [input(1, types.int())],
    fields: FIELDS,
    asking: { unordered: false, capacity: 2, timeoutMs: 60_000, ...asking },
  };
}

/** Answers when it is told to, by the argument. */
class Remote {
  asked: number[] = [];
  readonly #open = new Map<
    number,
    { resolve: (x: unknown) => void; reject: (x: Error) => void }[]
  >();
  readonly #given = new Map<number, unknown>();
  readonly function: UserFunction;

  constructor(kind: "async-scalar" | "async-table") {
    const evaluate = (value: unknown) => {
      this.asked.push(value as number);
      // What was answered before a restore is answered again.
      if (this.#given.has(value as number))
        return Promise.resolve(this.#given.get(value as number));
      return new Promise<never>((resolve, reject) => {
        const list = this.#open.get(value as number) ?? [];
        list.push({ resolve: resolve as (x: unknown) => void, reject });
        this.#open.set(value as number, list);
      });
    };
    const signatures = [{ args: ["INT"], returns: "STRING" }];
    this.function = { kind, signatures, eval: evaluate } as UserFunction;
  }

  answer(value: number, given: unknown): void {
    for (const { resolve, reject } of this.#open.get(value) ?? [])
      if (given instanceof Error) reject(given);
      else resolve(given);
    this.#open.delete(value);
    if (!(given instanceof Error)) this.#given.set(value, given);
  }
}

type Step = HarnessEvent | { readonly answer: readonly [number, unknown] };
const answer = (value: number, given: unknown): Step => ({ answer: [value, given] });

/** What each step emits; with a restore into `parallelism` subtasks before step `restoreAt`. */
async function run(
  made: AsyncCorrelateNode,
  steps: readonly Step[],
  restoreAt = 0,
  parallelism = 1,
): Promise<{ readonly emitted: string[][]; readonly asked: number[] }> {
  const remote = new Remote(made.request.kind === "table" ? "async-table" : "async-scalar");
  const options = { node: made, inputs: [INPUT], userFunction: () => remote.function, spill: true };
  let harnesses = [new OperatorHarness(options)];
  let now = 0;
  const emitted: string[][] = [];
  for (const [index, step] of steps.entries()) {
    if (index > 0 && index === restoreAt) {
      const snapshot: HarnessSnapshot = harnesses[0]!.snapshot();
      harnesses[0]!.close();
      harnesses = Array.from(
        { length: parallelism },
        (_, at) =>
          new OperatorHarness(
            parallelism === 1
              ? options
              : { ...options, subtask: { index: at, parallelism }, keys: [0] },
            snapshot,
          ),
      );
      for (const harness of harnesses) harness.time(now);
    }
    if ("time" in step) now = step.time;
    const all: string[] = [];
    for (const harness of harnesses) {
      if ("answer" in step) remote.answer(...step.answer);
      else if ("rows" in step) harness.rows(step.input, step.rows);
      else if ("watermark" in step) harness.watermark(step.watermark);
      await settled();
      harness.time(now);
      await settled();
      harness.time(now);
      all.push(...harness.take());
    }
    emitted.push(parallelism === 1 ? all : all.filter((text) => !text.startsWith("watermark")));
  }
  for (const harness of harnesses) harness.close();
  return { emitted, asked: remote.asked };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const rowsOf = (emitted: readonly (readonly string[])[]): string[] =>
  emitted.flat().filter((text) => !text.startsWith("watermark"));

async function runCase(
  made: AsyncCorrelateNode,
  steps: readonly Step[],
  expected: readonly (readonly string[])[],
): Promise<void> {
  assert.deepEqual((await run(made, steps)).emitted, expected, "straight");
  for (let at = 1; at < steps.length; at++) {
    // A watermark that a restore brings back comes behind the rows that waited.
    const restored = rowsOf((await run(made, steps, at)).emitted);
    assert.deepEqual(restored, rowsOf(expected), `restored before step ${at}`);
    const rescaled = (await run(made, steps, at, 2)).emitted.flat();
    assert.deepEqual(
      rescaled.toSorted(),
      rowsOf(expected).toSorted(),
      `rescaled before step ${at}`,
    );
  }
}

test("ordered: rows come out as they came in, watermarks between them; what waited is asked again", async () => {
  const steps: Step[] = [
    rows(["+I", "a", 1], ["-U", "b", 2], ["+U", "b", 3]),
    watermark(7),
    rows(["+I", "c", 4]),
    answer(2, "two"),
    answer(1, "one"),
    answer(4, null),
    answer(3, "three"),
    watermark(9),
  ];
  await runCase(node("scalar", { capacity: 3 }), steps, [
    [],
    [],
    [],
    [],
    ["+I[a, 1, one]", "-U[b, 2, two]"],
    [],
    ["+U[b, 3, three]", "watermark 7", "+I[c, 4, null]"],
    ["watermark 9"],
  ]);
});

test("unordered: answers pass each other, but no watermark; capacity bounds the requests under way", async () => {
  const steps: Step[] = [
    rows(["+I", "a", 1], ["+I", "b", 2], ["+I", "c", 3]),
    watermark(5),
    rows(["+I", "d", 4]),
    answer(2, "two"),
    answer(3, "three"),
    answer(4, "four"),
    answer(1, "one"),
  ];
  const made = node("scalar", { unordered: true });
  const { emitted, asked } = await run(made, steps);
  assert.deepEqual(emitted, [
    [],
    [],
    [],
    ["+I[b, 2, two]"],
    ["+I[c, 3, three]"],
    [],
    ["+I[a, 1, one]", "watermark 5", "+I[d, 4, four]"],
  ]);
  assert.deepEqual(asked, [1, 2, 3, 4]);
});

test("rows that need no answer are not asked for, and wait for those before them", async () => {
  const when = call(
    "GREATER_THAN",
    [input(1, types.int()), literal(1, types.int())],
    types.boolean(),
  );
  const made = { ...node("scalar", { capacity: 1 }), when };
  const steps: Step[] = [
    rows(["+I", "a", 1], ["+I", "b", 2], ["-D", "c", 1], ["+I", "d", 3], ["+I", "e", 0]),
    watermark(5),
    answer(2, "two"),
    answer(3, "three"),
    rows(["+I", "f", 1]),
  ];
  await runCase(made, steps, [
    ["+I[a, 1, null]"],
    [],
    ["+I[b, 2, two]", "-D[c, 1, null]"],
    ["+I[d, 3, three]", "+I[e, 0, null]", "watermark 5"],
    ["+I[f, 1, null]"],
  ]);
  assert.deepEqual((await run(made, steps)).asked, [2, 3]);
});

test("a table function: none, one or many rows; LEFT shows a row without any", async () => {
  const steps: Step[] = [
    rows(["+I", "a", 1], ["+I", "b", 2]),
    answer(1, []),
    answer(2, ["x", ["y"], null]),
  ];
  const many = ["+I[b, 2, x]", "+I[b, 2, y]", "+I[b, 2, null]"];
  await runCase(node("table"), steps, [[], [], many]);
  await runCase(node("table", {}, "LEFT"), steps, [[], ["+I[a, 1, null]"], many]);
});

test("errors are asked again after the delay, as often as the options say; then the job fails", async () => {
  const retry = { delayMs: 100, attempts: 2 };
  const steps: Step[] = [
    rows(["+I", "a", 1]),
    answer(1, new Error("busy")),
    time(99),
    time(100),
    answer(1, "one"),
  ];
  const { emitted, asked } = await run(node("scalar", { retry }), steps);
  assert.deepEqual(emitted, [[], [], [], [], ["+I[a, 1, one]"]]);
  assert.deepEqual(asked, [1, 1]);
  const twice = [...steps.slice(0, 4), answer(1, new Error("busy"))];
  await assert.rejects(run(node("scalar", { retry }), twice), {
    code: "MR4165",
    message: /a request to f failed: busy/,
  });
  await assert.rejects(run(node("scalar"), steps), { code: "MR4165" });
});

test("a request without an answer fails the job at its timeout; a result of another type at once", async () => {
  const late = [rows(["+I", "a", 1]), time(499), time(500)];
  await assert.rejects(run(node("scalar", { timeoutMs: 500 }), late), { code: "MR4166" });
  const wrong = [rows(["+I", "a", 1]), answer(1, 7)];
  await assert.rejects(run(node("scalar"), wrong), { message: /is no VARCHAR/ });
});
