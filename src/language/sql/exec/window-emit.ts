/**
 * The options table.exec.emit.*: early and late firings of group windows (GROUP BY TUMBLE, HOP), refused for window functions.
 *
 * Rules:   lateness counts with late firings only; processing time has no late rows; batch mode has one result a window.
 * Errors:  MR2208 what Flink refuses too.
 * Source:  Flink WindowEmitStrategy, WindowUtil.checkEmitConfiguration.
 */
import { parseDuration } from "../../../foundation/base/duration.ts";
import type { WindowSpec } from "../../../foundation/plan/exec-node.ts";
import type { WindowEmit } from "../../../foundation/plan/window-spec.ts";
import { planErrors } from "../errors.ts";
import type { PlanOptions } from "./plan-options.ts";

const PREFIX = "table.exec.emit.";

/** Undefined: the window shows one result, at its end. */
export function windowEmit(
  options: PlanOptions,
  aggregate: {
    readonly window: WindowSpec;
    readonly isPulled: boolean;
  },
): WindowEmit | undefined {
  const { window } = aggregate;
  const isOn = (name: string) =>
    options.option(`${PREFIX}${name}.enabled`)?.toLowerCase() === "true";
  const on = ["early-fire", "late-fire"].filter(isOn);
  if (on.length === 0) return undefined;
  if (window.isGroupWindow !== true || !aggregate.isPulled)
    throw refused(
      "Currently, window table function based aggregate doesn't support early-fire and late-fire " +
        `configuration '${PREFIX}early-fire.enabled' and '${PREFIX}late-fire.enabled'.`,
      "Unset them, use GROUP BY TUMBLE(…), or aggregate with CUMULATE windows.",
    );
  if (options.mode === "batch") return undefined;
  if (window.kind === "SESSION")
    throw refused(
      "Session window doesn't support EMIT strategy currently.",
      `Unset '${PREFIX}${on[0]}.enabled'.`,
    );
  const early = on.includes("early-fire") ? delayOf(options, "early-fire") : undefined;
  const late = on.includes("late-fire") ? delayOf(options, "late-fire") : undefined;
  const lateness = late === undefined ? 0 : latenessOf(options);
  checkLateness(late, lateness, window.time.attribute === "ROWTIME");
  const isEventTime = window.time.attribute === "ROWTIME";
  if (!isEventTime && early === undefined) return undefined;
  return {
    ...(early === undefined ? {} : { earlyMs: early }),
    ...(late === undefined || !isEventTime ? {} : { lateMs: late }),
    latenessMs: isEventTime ? lateness : 0,
  };
}

function delayOf(options: PlanOptions, name: "early-fire" | "late-fire"): number {
  const text = options.option(`${PREFIX}${name}.delay`);
  const delay = text === undefined ? undefined : parseDuration(text);
  const Name = name === "early-fire" ? "Early-fire" : "Late-fire";
  if (delay === undefined)
    throw refused(
      `${Name} delay should not be null or negative value when enable ${name} emit strategy.`,
      `SET '${PREFIX}${name}.delay' = '1 min'; 0 s fires on every row.`,
    );
  return Math.floor(delay);
}

/** Without a lateness of its own that of state: its TTL. */
function latenessOf(options: PlanOptions): number {
  const key = `${PREFIX}allow-lateness`;
  const text = options.option(key);
  if (text === undefined) return options.stateTtlMs ?? 0;
  const lateness = parseDuration(text);
  if (lateness === undefined)
    throw refused(`'${key}' is no duration: ${text}`, "Write it as '1 min' or '500 ms'.");
  return Math.floor(lateness);
}

function checkLateness(late: number | undefined, lateness: number, isEventTime: boolean): void {
  if (late === undefined) return;
  const remedy = `SET '${PREFIX}allow-lateness' to a longer time.`;
  if (isEventTime && lateness <= 0)
    throw refused(
      "The 'AFTER WATERMARK' emit strategy requires set 'allow-lateness' or " +
        "'minIdleStateRetentionTime' in table config.",
      remedy,
    );
  if (late > lateness)
    throw refused(
      `Allow-lateness [${lateness}ms] should not be smaller than Late-fire delay [${late}ms] when ` +
        "enable late-fire emit strategy.",
      remedy,
    );
}

function refused(message: string, remedy: string): Error {
  return planErrors.WINDOW_PLAN({ message, remedy });
}
