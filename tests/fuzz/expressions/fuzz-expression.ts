/**
 * What the expression fuzzer passes around: types, expressions with their text in both dialects, cases and answers.
 *
 * Flow:    operations → generator → cases → evaluators (ours, peers, Flink) → comparison → report.
 * Texts:   an answer's row is the value's text as CAST AS STRING would give it, null for NULL, undefined where the row failed.
 */
export type Kind =
  | "BOOLEAN"
  | "TINYINT"
  | "SMALLINT"
  | "INT"
  | "BIGINT"
  | "FLOAT"
  | "DOUBLE"
  | "DECIMAL"
  | "VARCHAR"
  | "DATE"
  | "TIME"
  | "TIMESTAMP"
  | "DAY_INTERVAL"
  | "MONTH_INTERVAL";

/** Whom we are compared with; Flink has our own texts. */
export type Peer = "duckdb" | "postgres" | "flink";

export interface FuzzType {
  readonly kind: Kind;
  /** DECIMAL's; fractional digits of a TIMESTAMP. */
  readonly precision: number;
  readonly scale: number;
}

export interface Expr {
  readonly type: FuzzType;
  /** The operation at its root. */
  readonly root: string;
  /** All operations in it. */
  readonly operations: ReadonlySet<string>;
  /** Columns it reads. */
  readonly columns: ReadonlySet<string>;
  readonly flink: string;
  readonly peer: string;
}

export interface FuzzCase extends Expr {
  readonly id: number;
  /** True: over the groups of the table, one row a group. */
  readonly grouped: boolean;
}

export interface Answer {
  /** One for each row or group, in order; empty when the expression was refused. */
  readonly rows: readonly (string | null | undefined)[];
  readonly error?: string;
}

export interface Evaluator {
  readonly name: string;
  /** The answers in the order of the cases. */
  evaluate(cases: readonly FuzzCase[]): Promise<Answer[]>;
  close(): Promise<void>;
}

export const simple = (kind: Kind): FuzzType => ({ kind, precision: 0, scale: 0 });
export const decimal = (precision: number, scale: number): FuzzType => ({
  kind: "DECIMAL",
  precision,
  scale,
});
export const timestamp = (precision: number): FuzzType => ({
  kind: "TIMESTAMP",
  precision,
  scale: 0,
});

export const INTEGERS: readonly Kind[] = ["TINYINT", "SMALLINT", "INT", "BIGINT"];
export const isInteger = ({ kind }: FuzzType): boolean => INTEGERS.includes(kind);
export const isApproximate = ({ kind }: FuzzType): boolean => kind === "FLOAT" || kind === "DOUBLE";

/** As the dialect writes it. */
export function typeText({ kind, precision, scale }: FuzzType, dialect: Peer): string {
  if (kind === "DECIMAL") return `DECIMAL(${precision}, ${scale})`;
  if (dialect === "flink") {
    if (kind === "VARCHAR") return "STRING";
    return kind === "TIMESTAMP" ? `TIMESTAMP(${precision})` : kind;
  }
  if (dialect === "postgres") {
    if (kind === "TINYINT") return "SMALLINT";
    if (kind === "FLOAT") return "REAL";
    if (kind === "DOUBLE") return "DOUBLE PRECISION";
    if (kind === "TIMESTAMP") return `TIMESTAMP(${precision})`;
  }
  return kind;
}

/** The integer type's decimal: TINYINT 3, SMALLINT 5, INT 10, BIGINT 19 digits. */
export function asDecimal(type: FuzzType): FuzzType {
  if (type.kind === "DECIMAL") return type;
  return decimal([3, 5, 10, 19][INTEGERS.indexOf(type.kind)]!, 0);
}
