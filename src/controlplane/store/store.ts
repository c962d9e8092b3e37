/**
 * The metadata store: deployments, their jobs, materialized tables, statistics, sessions. SQLite in `<data>/metadata.db`; times are epoch milliseconds.
 *
 * Flow:    controller, access → here. Schema changes are migrations, in order, each in a transaction.
 * Errors:  MR6001 written by a newer release, MR6002 cannot be opened.
 */
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { storeErrors } from "./errors.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";

export interface DeploymentTable {
  id: string;
  name: string;
  script: string;
  target: string;
  parallelism: number;
  desired: "RUNNING" | "STOPPED";
  created_at: number;
}
export interface JobTable {
  id: string;
  deployment_id: string;
  status: string;
  started_at: number;
  ended_at: number | null;
  restarts: number;
  /** ErrorObject as JSON. */
  failure: string | null;
  /** Checkpoint or savepoint the next start goes on from. */
  restore_from: string | null;
}
export interface SessionTable {
  /** SHA-256 of the secret, hex: the secret itself is never stored. */
  token_hash: string;
  kind: "sign-in" | "session";
  expires_at: number;
}
/** A materialized table of the SQL workspace. */
export interface MaterializedTableTable {
  /** catalog.database.table */
  id: string;
  deployment_id: string;
  /** The statements that made it what it is: CREATE, and those that altered it. */
  definition: string;
  status: "ACTIVATED" | "SUSPENDED";
  /** Of the last RESUME, as JSON. */
  options: string;
  /** When it was last refreshed in full, or tried to be. */
  refreshed_at: number | null;
  /** Why the last refresh did not start: ErrorObject as JSON. */
  failure: string | null;
  created_at: number;
}
/** What ANALYZE TABLE has found. */
export interface TableStatisticsTable {
  /** catalog.database.table */
  id: string;
  /** Of the table that was read, as JSON: another table of the same name has other statistics. */
  options: string;
  /** { keys, parts } as JSON. */
  statistics: string;
}
export interface Tables {
  materialized_table: MaterializedTableTable;
  table_statistics: TableStatisticsTable;
  deployment: DeploymentTable;
  job: JobTable;
  session: SessionTable;
}

const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE deployment (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, script TEXT NOT NULL,
       target TEXT NOT NULL, parallelism INTEGER NOT NULL, desired TEXT NOT NULL, created_at INTEGER NOT NULL)`,
    `CREATE TABLE job (id TEXT PRIMARY KEY, deployment_id TEXT NOT NULL REFERENCES deployment(id) ON DELETE CASCADE,
       status TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER, restarts INTEGER NOT NULL,
       failure TEXT, restore_from TEXT)`,
    "CREATE INDEX job_by_deployment ON job (deployment_id, started_at)",
    "CREATE TABLE session (token_hash TEXT PRIMARY KEY, kind TEXT NOT NULL, expires_at INTEGER NOT NULL)",
  ],
  [
    `CREATE TABLE materialized_table (id TEXT PRIMARY KEY, deployment_id TEXT NOT NULL, definition TEXT NOT NULL,
       status TEXT NOT NULL, options TEXT NOT NULL, refreshed_at INTEGER, failure TEXT, created_at INTEGER NOT NULL)`,
    "CREATE TABLE table_statistics (id TEXT PRIMARY KEY, options TEXT NOT NULL, statistics TEXT NOT NULL)",
  ],
];

/** The command line writes beside the platform (a sign-in): who finds the file locked waits. */
const BUSY_MS = 10_000;

export class Store {
  readonly db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.db = db;
  }

  /** Opens (and migrates) the database file; ":memory:" for tests. */
  static open(path: string): Store {
    let database: DatabaseSync;
    try {
      database = new DatabaseSync(path, { timeout: BUSY_MS });
      database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
      );
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw storeErrors.STORE_UNUSABLE({ path, reason }, { cause });
    }
    migrate(database, path);
    return new Store(new Kysely<Tables>({ dialect: sqliteDialect(database) }));
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const found = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (found > MIGRATIONS.length) {
    database.close();
    throw storeErrors.STORE_NEWER({ path, found, known: MIGRATIONS.length });
  }
  for (let version = found; version < MIGRATIONS.length; version++) {
    database.exec("BEGIN IMMEDIATE");
    for (const statement of MIGRATIONS[version]!) database.exec(statement);
    database.exec(`PRAGMA user_version = ${version + 1}`);
    database.exec("COMMIT");
  }
}
