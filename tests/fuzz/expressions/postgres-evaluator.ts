/**
 * PostgreSQL's answers: a server of our own in a temporary folder, asked through psql by a function that catches the errors of
 * single rows.
 *
 * Needs:   Debian's postgresql (initdb, pg_ctl, psql); as root, the user postgres, since the server refuses to run as root.
 * Errors:  MR8080 when they are not there.
 */
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { benchErrors } from "../../../bench/errors.ts";
import type { Answer, Evaluator, FuzzCase } from "./fuzz-expression.ts";
import { type FuzzRow, GROUPS, peerTable, ROWS } from "./fuzz-table.ts";

const INSTALLED = "/usr/lib/postgresql";
const STATEMENT_TIMEOUT = "30s";

/** One element a row; "!" before the message of a row that fails. */
const FUNCTIONS = `
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';
CREATE FUNCTION answer(e text, grouped boolean) RETURNS text[] LANGUAGE plpgsql AS $body$
DECLARE r text[]; v text; shape text; key text := CASE WHEN grouped THEN 'g' ELSE 'k' END;
BEGIN
  shape := format('SELECT CAST((%s) AS text) AS v, %s AS k FROM t', e, key);
  BEGIN
    EXECUTE format('SELECT array_agg(v ORDER BY k) FROM (%s %s) x', shape,
                   CASE WHEN grouped THEN 'GROUP BY g' ELSE '' END) INTO r;
    RETURN (SELECT array_agg('=' || x ORDER BY i) FROM unnest(r) WITH ORDINALITY AS u(x, i));
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  FOR i IN 0 .. CASE WHEN grouped THEN ${GROUPS - 1} ELSE ${ROWS - 1} END LOOP
    BEGIN
      EXECUTE format('%s WHERE %s = %s %s', shape, key, i, CASE WHEN grouped THEN 'GROUP BY g' ELSE '' END)
        INTO v;
      r[i] := '=' || v;
    EXCEPTION WHEN OTHERS THEN r[i] := '!' || SQLERRM;
    END;
  END LOOP;
  RETURN r;
END $body$;
`;

export class PostgresEvaluator implements Evaluator {
  readonly name = "postgres";
  readonly #folder: string;
  readonly #bin: string;

  private constructor(folder: string, bin: string) {
    this.#folder = folder;
    this.#bin = bin;
  }

  static async open(rows: readonly FuzzRow[]): Promise<PostgresEvaluator> {
    const bin = programs();
    const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-postgres-"));
    if (process.getuid?.() === 0) chownSync(folder, ...ownerOf("postgres"));
    const data = join(folder, "data");
    asServer(`${bin}/initdb -D ${data} -U postgres -A trust --no-sync -E UTF8 --locale=C.UTF-8`);
    const evaluator = new PostgresEvaluator(folder, bin);
    const options = `-c listen_addresses= -c unix_socket_directories=${folder} -c fsync=off`;
    asServer(`${bin}/pg_ctl -D ${data} -l ${folder}/log -o '${options}' -w start`);
    evaluator.#psql(peerTable(rows, "postgres") + FUNCTIONS);
    return evaluator;
  }

  async evaluate(cases: readonly FuzzCase[]): Promise<Answer[]> {
    const asked = cases.map(
      ({ peer, grouped }) => `SELECT to_json(answer($fuzz$${peer}$fuzz$, ${grouped}));`,
    );
    const settings = `SET statement_timeout = '${STATEMENT_TIMEOUT}'; SET TimeZone = 'UTC';\n`;
    const lines = this.#psql(settings + asked.join("\n"))
      .trimEnd()
      .split("\n");
    return lines.map((line) => answerOf(JSON.parse(line) as (string | null)[]));
  }

  async close(): Promise<void> {
    asServer(`${this.#bin}/pg_ctl -D ${join(this.#folder, "data")} -m immediate -w stop`);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #psql(script: string): string {
    const args = ["-h", this.#folder, "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1"];
    const done = spawnSync("psql", args, { input: script, encoding: "utf8", maxBuffer: 2 ** 28 });
    if (done.status !== 0) throw failure(`psql: ${done.stderr}`);
    return done.stdout;
  }
}

function answerOf(cells: readonly (string | null)[]): Answer {
  const rows = cells.map((cell) => {
    if (cell === null) return null;
    return cell.startsWith("=") ? cell.slice(1) : undefined;
  });
  if (rows.some((row) => row !== undefined)) return { rows };
  return { rows: [], error: cells[0]!.slice(1) };
}

function programs(): string {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw failure(`${INSTALLED} does not exist`);
  return join(INSTALLED, newest, "bin");
}

function ownerOf(user: string): [number, number] {
  const id = (flag: string) =>
    Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout.trim());
  return [id("-u"), id("-g")];
}

function asServer(command: string): void {
  const args = process.getuid?.() === 0 ? ["su", "postgres", "-c", command] : ["sh", "-c", command];
  const done = spawnSync(args[0]!, args.slice(1), {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (done.status !== 0) throw failure(`${command}: ${done.stderr}`);
}

function failure(reason: string) {
  return benchErrors.PEER_MISSING({ reason, remedy: "Install Debian's package postgresql." });
}
