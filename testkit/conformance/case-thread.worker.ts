/**
 * Runs the cases of one file one after the other and reports each. A thread of its own, so that a case which hangs or takes
 * the thread down is the only one that fails: main.ts starts the next thread behind it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { readConformanceFile } from "./conformance-data.ts";
import { cancelRunning } from "./engine.ts";
import { exclusionsOf } from "./exclusions.ts";
import { type Result, resultOf, type ThreadMessage, type ThreadOrder } from "./messages.ts";
import { type ConformanceCase, errorText } from "./suite.ts";
import { suites } from "./suites/index.ts";

/** Of a case that names no limit of its own. */
const CASE_LIMIT_MS = 5000;

const order = workerData as ThreadOrder;
const post = (message: ThreadMessage) => parentPort?.postMessage(message);
const exclusions = exclusionsOf(order.file);

const suite = suites.find(({ file }) => file === order.file);
const all = (await suite?.load(readConformanceFile(order.folder, order.file))) ?? [];
const pattern = order.only === undefined ? undefined : new RegExp(order.only, "i");
const cases = all.filter(({ id, text }) => pattern?.test(id) !== false || pattern.test(text));
post({ kind: "loaded", cases: cases.length });
for (let index = order.from; index < cases.length; index++) {
  const one = cases[index]!;
  const limitMs = one.limitMs ?? CASE_LIMIT_MS;
  post({ kind: "start", index, id: one.id, limitMs });
  post({ kind: "result", index, id: one.id, result: await judge(one, limitMs) });
}
post({ kind: "end" });
process.exit(0);

async function judge(one: ConformanceCase, limitMs: number): Promise<Result> {
  const reason = exclusions.get(one.id);
  if (reason !== undefined) return { verdict: "excluded", reason };
  if (one.notRun !== undefined) return { verdict: "notRun", reason: one.notRun };
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Result>((resolve) => {
    const result: Result = { verdict: "failed", expected: "an answer", got: tooLong(limitMs) };
    timer = setTimeout(() => resolve(result), limitMs);
  });
  try {
    const running = Promise.resolve(one.run()).then(resultOf);
    return await Promise.race([running, limit]);
  } catch (error) {
    return { verdict: "failed", expected: "an answer", got: errorText(error) };
  } finally {
    clearTimeout(timer);
    cancelRunning();
  }
}

function tooLong(limitMs: number): string {
  return `no answer within ${limitMs / 1000} s`;
}
