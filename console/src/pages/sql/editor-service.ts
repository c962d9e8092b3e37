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
