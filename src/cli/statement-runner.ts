/**
 * Runs statements of one session: definitions change its catalog, queries run in this thread and print their rows.
 *
 * Stop:    a query ends with its input, at the limit, after the time that is set, or on Ctrl-C (a second one ends the process).
 */
import type { Schema } from "../foundation/columnar/schema.ts";
import type { RowKind } from "../foundation/columnar/row-kind.ts";
import type { Value } from "../foundation/columnar/value-reader.ts";
import type { CollectedRows } from "../dataplane/contract/sink.ts";
import { startJob } from "../dataplane/runtime/run-job.ts";
import type { ChangelogMode, ExecPlan } from "../foundation/plan/exec-node.ts";
import type { LiteralValue } from "../foundation/plan/expression.ts";
import type { StatementNode } from "../language/sql/parser/ast.ts";
import type { StatementResult, StatementWarning } from "../language/sql/script/session-types.ts";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { type EngineParts, engineParts } from "./engine.ts";
import { badRecordsText, jobNumbers } from "./job-numbers.ts";
import type { PlatformClient } from "./platform-client.ts";
import { toChange } from "./render/changes.ts";
import {
  createPrinter,
  type OutputFormat,
  type RowChange,
  type RowPrinter,
} from "./render/rows.ts";
import { fillSavepointTables, readLiveState } from "./savepoint-tables.ts";
import { sqlHost } from "./sql-host.ts";
import type { Terminal } from "./terminal.ts";

export interface StatementRunnerOptions {
  /** Modules of functions are relative to it. */
  readonly folder: string;
  /** Data folder of the platform whose jobs' state may be asked for. */
  readonly platform: string;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  readonly limit: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly config: Readonly<Record<string, string>>;
}

export class StatementRunner {
  readonly session: SqlSession;
  readonly #options: StatementRunnerOptions;
  readonly #terminal: Terminal;
  #parts: EngineParts | undefined;
  #client: Promise<PlatformClient> | undefined;
  /** What the last job says of records that it left out. */
  #badRecords: string | undefined;
  #collect: (rows: CollectedRows) => void = () => undefined;
  /** Ctrl-C ended the last query. */
  interrupted = false;

  constructor(options: StatementRunnerOptions) {
    this.#options = options;
    this.#terminal = options.terminal;
    this.session = new SqlSession({
      host: { ...sqlHost({ functions: options.folder }), analyses: true },
      config: options.config,
    });
  }

  async run(statement: StatementNode, text: string): Promise<void> {
    await readLiveState(statement, () => this.#platform());
    await this.#show(this.session.execute(statement, text));
  }

  /** Loaded when it is asked for: a query over files starts without it. */
  #platform(): Promise<PlatformClient> {
    this.#client ??= import("./platform-client.ts").then((loaded) =>
      loaded.PlatformClient.connect(engineParts({}).env, this.#options.platform),
    );
    return this.#client;
  }

  async #show(result: StatementResult): Promise<void> {
    switch (result.kind) {
      case "ok":
        this.#warn(result.warnings ?? []);
        if (this.#terminal.interactive) this.#terminal.say(result.message ?? "OK");
        break;
      case "rows":
        this.#printLiterals(result.schema, result.rows);
        break;
      case "query":
        this.#warn(result.warnings);
        await this.#query(result.plan, result.schema, result.changelogMode);
        break;
      case "insert":
        this.#warn(result.warnings);
        await this.#insert(result.plan, result.sinks);
        break;
      case "analyze":
        await this.#analyze(result);
        break;
    }
  }

  #warn(warnings: readonly StatementWarning[]): void {
    for (const { code, message, hint } of warnings) {
      this.#terminal.say(
        `${this.#terminal.palette.warning(`warning ${code}`)}: ${message}\n  ${hint}`,
      );
    }
  }

  #printLiterals(schema: Schema, rows: readonly (readonly LiteralValue[])[]): void {
    const [only] = rows;
    const text = rows.length === 1 && only?.length === 1 ? only[0] : undefined;
    const { format } = this.#options;
    if (
      typeof text === "string" &&
      text.includes("\n") &&
      format !== "ndjson" &&
      format !== "csv"
    ) {
      // A plan or a statement is read as it is, not in a cell of a grid.
      this.#terminal.out(text.endsWith("\n") ? text : `${text}\n`);
      return;
    }
    const printer = this.#printer(schema, "insert-only", []);
    printer.write(
      rows.map((values) => ({
        kind: 0,
        values,
        text: values.map((value) => (value === null ? null : String(value))),
      })),
    );
    printer.end();
  }

  async #query(plan: ExecPlan, schema: Schema, mode: ChangelogMode): Promise<void> {
    const sink = plan.nodes.at(-1)!;
    const upsertKey = sink.type === "Sink" && mode === "upsert" ? sink.upsertKey : [];
    const printer = this.#printer(schema, mode, upsertKey);
    const room = this.#options.limit ?? Number.POSITIVE_INFINITY;
    const stop = new AbortController();
    let printed = 0;
    this.#collect = ({ kinds, rows }) => {
      const taken = Math.min(rows.length, room - printed);
      if (taken <= 0) return;
      const changes: RowChange[] = [];
      for (let i = 0; i < taken; i++)
        changes.push(
          toChange(kinds[i] as RowKind, rows[i] as readonly Value[], schema, plan.timeZone),
        );
      printed += taken;
      printer.write(changes);
      if (printed >= room) stop.abort();
    };
    await this.#execute(plan, stop);
    printer.end();
    this.#sayBadRecords();
  }

  async #analyze({ plan, analysis }: Extract<StatementResult, { kind: "analyze" }>): Promise<void> {
    const found: (readonly unknown[])[] = [];
    this.#collect = ({ rows }) => found.push(...(rows as readonly (readonly unknown[])[]));
    await this.#execute(plan, new AbortController());
    if (!this.interrupted) this.session.keepStatistics(analysis, found);
    if (this.#terminal.interactive) this.#terminal.say("OK");
  }

  async #insert(plan: ExecPlan, sinks: readonly string[]): Promise<void> {
    const rows = await this.#execute(plan, new AbortController());
    const tables = [...new Set(sinks)].join(", ");
    this.#terminal.say(`${rows} ${rows === 1 ? "row" : "rows"} read, written to ${tables}`);
    this.#sayBadRecords();
  }

  #sayBadRecords(): void {
    if (this.#badRecords === undefined) return;
    this.#terminal.say(this.#terminal.palette.warning(this.#badRecords));
  }

  /** Runs a plan to its end in this thread; the rows its sources have read. */
  async #execute(plan: ExecPlan, stop: AbortController): Promise<number> {
    this.#parts ??= engineParts({
      print: (text) => this.#terminal.out(text),
      collect: (rows) => this.#collect(rows),
    });
    const { env } = this.#parts;
    const interrupt = () => {
      if (this.interrupted) process.exit(130);
      this.interrupted = true;
      stop.abort();
    };
    this.interrupted = false;
    process.on("SIGINT", interrupt);
    const { timeoutMs } = this.#options;
    const cancelTimer =
      timeoutMs === undefined ? () => undefined : env.timers.after(timeoutMs, () => stop.abort());
    try {
      await fillSavepointTables();
      const result = await startJob(plan, { ...this.#parts, signal: stop.signal }).ended;
      if (result.status === "FAILED" && result.failure !== null) throw result.failure;
      const { rowsIn, badRecords } = jobNumbers(plan, result.metrics);
      this.#badRecords = badRecordsText(badRecords);
      return rowsIn;
    } finally {
      cancelTimer();
      process.off("SIGINT", interrupt);
    }
  }

  #printer(schema: Schema, mode: ChangelogMode, upsertKey: readonly number[]): RowPrinter {
    const head = { schema, insertOnly: mode === "insert-only", upsertKey };
    return createPrinter(this.#options.format, head, {
      write: (text) => this.#terminal.out(text),
      columns: this.#terminal.columns,
      maxWidth: this.#maxWidth(),
    });
  }

  /** As SET said; undefined: the printer's own. */
  #maxWidth(): number | undefined {
    const { config } = this.session.context;
    const set =
      config.get("table.display.max-column-width") ??
      config.get("sql-client.display.max-column-width");
    return set === undefined ? undefined : Math.max(Number(set), MIN_CELL);
  }
}

/** An ellipsis must fit. */
const MIN_CELL = 1;
