/** parser.jsonl: one statement each, its canonical text or the pattern of its error. */
import { checkParserCase, type ParserRecord } from "../parser-case.ts";
import { failed, jsonLines, passed, type Suite, uniqueIds } from "../suite.ts";

interface Located extends ParserRecord {
  readonly file: string;
  readonly line: number;
}

export const parserSuite: Suite = {
  file: "parser.jsonl",
  load: (text) => {
    const idOf = uniqueIds();
    return jsonLines<Located>(text).map((record) => ({
      id: idOf(`${record.file.split("/").at(-1)}:${record.line}`),
      text: record.sql,
      run: () => {
        const { pass, got } = checkParserCase(record);
        const expected = record.ok ?? record.failsRegex ?? record.validationError ?? "parses";
        return pass ? passed : failed(expected, got);
      },
    }));
  },
};
