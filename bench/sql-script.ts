/** Cuts a SQL script at its semicolons: not at those in quotes or comments. Comments are left out. */

const PIECE =
  /'(?:[^']|'')*'|`(?:[^`]|``)*`|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|;|[^'"`;/-]+|[\s\S]/g;

export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let statement = "";
  for (const [piece] of script.matchAll(PIECE)) {
    if (piece.startsWith("--") || piece.startsWith("/*")) statement += " ";
    else if (piece === ";") {
      statements.push(statement.trim());
      statement = "";
    } else statement += piece;
  }
  statements.push(statement.trim());
  return statements.filter((s) => s !== "");
}
