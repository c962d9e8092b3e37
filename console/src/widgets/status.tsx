/** A job's status: glyph, word and colour, never colour alone. */
const LOOK: Record<string, { glyph: string; word: string; state: string }> = {
  RUNNING: { glyph: "●", word: "Running", state: "ok" },
  FINISHED: { glyph: "✓", word: "Finished", state: "idle" },
  CANCELED: { glyph: "■", word: "Stopped", state: "idle" },
  SUSPENDED: { glyph: "■", word: "Suspended", state: "idle" },
  FAILED: { glyph: "✕", word: "Failed", state: "err" },
  FAILING: { glyph: "✕", word: "Failing", state: "err" },
  RESTARTING: { glyph: "▲", word: "Restarting", state: "warn" },
  RECONCILING: { glyph: "?", word: "Unreachable", state: "idle" },
};

export function Status(props: { status: string }) {
  const look = LOOK[props.status] ?? { glyph: "◐", word: "Starting", state: "idle" };
  return (
    <span className="status" data-state={look.state}>
      <span aria-hidden="true">{look.glyph}</span> {look.word}
    </span>
  );
}
