/** The language's editor services over the platform's tables, in the browser: see language/sql/editor. */
import { SqlEditorService } from "../../../../src/language/sql/editor/editor-service.ts";
import { SqlSession } from "../../../../src/language/sql/script/sql-session.ts";
import type { Catalog } from "../../api-client/calls.ts";

export function createEditorService(catalog: Catalog): SqlEditorService {
  const operators = new Set(catalog.operators);
  const newSession = () => {
    const session = new SqlSession({ host: { operators } });
    session.executeScript(catalog.ddl);
    return session;
  };
  return new SqlEditorService({ newSession, catalogue: catalog.options });
}

/** Milliseconds that a step of the preparation may take. */
const STEP_MS = 4;

/** Lets the editor run what its first answers need while the page has nothing else to do; returns what ends it. */
export function prepareWhenIdle(service: SqlEditorService): () => void {
  // Some browsers have no idle times to offer: their first answers take longer.
  if (typeof requestIdleCallback !== "function") return () => undefined;
  const steps = service.prepare();
  const step = (deadline: IdleDeadline) => {
    do {
      if (steps.next().done === true) return;
    } while (deadline.timeRemaining() > STEP_MS);
    asked = requestIdleCallback(step);
  };
  let asked = requestIdleCallback(step);
  return () => cancelIdleCallback(asked);
}
