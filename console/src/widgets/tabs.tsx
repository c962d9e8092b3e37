/** Tabs as the ARIA practices have them: one stop for the Tab key, arrows move between them. */
import type { KeyboardEvent, ReactNode } from "react";

const STEP: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

export function Tabs(props: {
  label: string;
  items: readonly { readonly id: string; readonly label: ReactNode }[];
  chosen: string | undefined;
  choose: (id: string) => void;
  /** Id of the element that shows what is chosen. */
  panel?: string;
}) {
  const { items, chosen, choose } = props;
  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = STEP[event.key];
    if (step === undefined) return;
    const at = items.findIndex(({ id }) => id === chosen);
    const next = items[(at + step + items.length) % items.length]!;
    choose(next.id);
    const buttons = event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]");
    buttons[items.indexOf(next)]?.focus();
    event.preventDefault();
  };
  return (
    <div className="tabs" role="tablist" aria-label={props.label} onKeyDown={onKey}>
      {items.map(({ id, label }) => (
        <button
          key={id}
          type="button"
          role="tab"
          aria-selected={id === chosen}
          aria-controls={props.panel}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => choose(id)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
