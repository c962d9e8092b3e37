/**
 * plans.jsonl: queries of Flink's plan tests. Their tables are not given, so that a case asks for the parser alone: the text
 * parses, and what it is printed as parses again to the same text.
 */
import { parseScript } from "../../../src/language/sql/parser/parser.ts";
import { unparse } from "../../../src/language/sql/parser/unparse.ts";
import { failed, jsonLines, passed, type Suite, uniqueIds } from "../suite.ts";

interface PlanRecord {
  readonly sql?: string;
  readonly name?: string;
  readonly file?: string;
}

export const plansSuite: Suite = {
  file: "plans.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<PlanRecord>(text).map((record) => ({
      id: idOf(`${record.file?.split("/").at(-1) ?? "plan"} ${record.name ?? ""}`.trim()),
      text: record.sql ?? "",
      ...(record.sql === undefined ? { notRun: "no SQL" } : {}),
      run: () => {
        const { statements, errors } = parseScript(record.sql ?? "");
        if (errors[0] !== undefined) return failed("parses", errors[0].message);
        const once = statements.map(unparse).join(";\n");
        const again = parseScript(once);
        if (again.errors[0] !== undefined)
          return failed("its canonical text parses", `${again.errors[0].message}: ${once}`);
        const twice = again.statements.map(unparse).join(";\n");
        return once === twice ? passed : failed(once, twice);
      },
    }));
  },
};
