/** What SqlSession asks of its host, and what it answers. */
import type { MillraceError } from "../../../foundation/base/errors.ts";
import type { RowField } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { ChangelogMode, ExecPlan } from "../../../foundation/plan/exec-node.ts";
import type { LiteralValue } from "../../../foundation/plan/expression.ts";
import type { CatalogFunction, ResolvedTable } from "../catalog/catalog-objects.ts";
import type { SinkTraits, SourceTraits } from "../exec/plan-options.ts";
import type { FunctionDefinition } from "../functions/function-definition.ts";
import type { StatisticsLookup } from "../statistics/table-statistics.ts";
import type { PlannedAnalysis } from "./analyze-table.ts";

/** A file or stream that a query names by a string: `FROM 'data/*.csv'`. */
export interface InlineTable {
  readonly fields: readonly RowField[];
  readonly options: Readonly<Record<string, string>>;
}

/** Files of COMPILE PLAN and EXECUTE PLAN; paths as written, without a scheme. */
export interface PlanFiles {
  exists(path: string): boolean;
  read(path: string): string;
  write(path: string, text: string): void;
}

/** A statement about jobs, for those who run them. */
export type JobRequest =
  | { readonly action: "show" }
  | { readonly action: "describe"; readonly jobId: string }
  | {
      readonly action: "stop";
      readonly jobId: string;
      readonly savepoint: boolean;
      readonly drain: boolean;
    };

/** Everything the language cannot know by itself. Each part may be missing: then defaults hold. */
export interface SqlHost {
  /** What a connector yields; undefined: by connector and format name. */
  readonly source?: (table: ResolvedTable) => SourceTraits | undefined;
  readonly sink?: (
    table: ResolvedTable,
    query: { readonly insertOnly: boolean },
  ) => SinkTraits | undefined;
  /** Schema and options of a file, glob, URL, or "stdin". */
  readonly resolveFile?: (
    path: string,
    options: Readonly<Record<string, string>>,
  ) => InlineTable | undefined;
  /**
   * Types of nodes that the engine has operators for, beyond those that every engine has (BASE_NODES): OverAggregate,
   * IntervalJoin, TemporalJoin, LookupJoin, Correlate, WindowRank, WindowDeduplicate, TemporalSort. What is not among
   * them is refused (MR2201), or planned otherwise where that gives the same result.
   */
  readonly operators?: ReadonlySet<string>;
  readonly planFiles?: PlanFiles;
  /** The host runs the plans of ANALYZE TABLE; otherwise the statement is refused. */
  readonly analyses?: boolean;
  /** What ANALYZE TABLE has found in other sessions. */
  readonly analysed?: StatisticsLookup;
  /** What connectors know of a table without reading it through: numbers of rows. */
  readonly statistics?: StatisticsLookup;
  /** The host runs jobs: it answers SHOW JOBS, DESCRIBE JOB and STOP JOB, and suspends materialized tables; otherwise they are refused. */
  readonly jobs?: boolean;
  /** Connectors look at the options of their tables: what they do not obey is refused, in EXPLAIN as in a run. */
  readonly validate?: (plan: ExecPlan) => void;
  /** What using a table would say, before anybody does: checkScript() warns of it where the table is made. */
  readonly inspect?: (table: ResolvedTable) => readonly MillraceError[];
  /** The signature of a user-defined function. */
  readonly userFunction?: (definition: CatalogFunction) => FunctionDefinition | undefined;
}

export interface SqlSessionOptions {
  readonly host?: SqlHost;
  /** Flink's keys; SET changes them for the session. */
  readonly config?: Readonly<Record<string, string>>;
  /** Options of the sink that SELECT ends in; default connector 'collect'. */
  readonly collectOptions?: Readonly<Record<string, string>>;
}

export interface StatementWarning {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type StatementResult =
  /** ANALYZE TABLE: run the plan, and give its rows to SqlSession.keepStatistics(). */
  | ({ readonly kind: "analyze" } & PlannedAnalysis)
  | {
      readonly kind: "ok";
      readonly message?: string;
      readonly warnings?: readonly StatementWarning[];
    }
  | { readonly kind: "job"; readonly request: JobRequest }
  | {
      readonly kind: "rows";
      readonly schema: Schema;
      readonly rows: readonly (readonly LiteralValue[])[];
    }
  | {
      readonly kind: "query";
      readonly plan: ExecPlan;
      readonly schema: Schema;
      readonly changelogMode: ChangelogMode;
      readonly warnings: readonly StatementWarning[];
    }
  | {
      readonly kind: "insert";
      readonly plan: ExecPlan;
      /** Full names of the tables written to. */
      readonly sinks: readonly string[];
      readonly warnings: readonly StatementWarning[];
    };

/** One finding of checkScript(). */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly error: MillraceError;
  /** Offset of the statement within the text; error places are within the text already. */
  readonly statement: number;
}
