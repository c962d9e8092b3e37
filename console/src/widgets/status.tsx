/** A job's status: glyph, word and colour, never colour alone. */
const LOOK: Record<string, { glyph: string; word: string; state: string }> = {
  RUNNING: { glyph: "●", word: "Running", state: "ok" },
  FINISHED: { glyph: "✓", word: "Finished", state: "idle" },
  CANCELLING: { glyph: "◐", word: "Stopping", state: "idle" },
  CANCELED: { glyph: "■", word: "Stopped", state: "idle" },
  SUSPENDED: { glyph: "■", word: "Suspended", state: "idle" },
  FAILED: { glyph: "✕", word: "Failed", state: "err" },
  FAILING: { glyph: "✕", word: "Failing", state: "err" },
  RESTARTING: { glyph: "▲", word: "Restarting", state: "warn" },
  RECONCILING: { glyph: "?", word: "Unreachable", state: "idle" },
};

const STARTING = { glyph: "◐", word: "Starting", state: "idle" };

/** A job that came to its end because it was told to is stopped, not finished. */
export function Status(props: { status: string; desired: "RUNNING" | "STOPPED" }) {
  const isStopped = props.desired === "STOPPED" && props.status === "FINISHED";
  const look = LOOK[isStopped ? "CANCELED" : props.status] ?? STARTING;
  return (
    <span className="status" data-state={look.state} role="status">
      <span aria-hidden="true">{look.glyph}</span> {look.word}
    </span>
  );
}
