/**
 * The catalogue of what validation (21xx) and planning (22xx) of SQL refuse. Messages follow Flink's where users know them.
 *
 * Flow: validator, catalog, optimizer, exec, script throw these; the parser has its own catalogue (20xx).
 */
import { defineErrors } from "../../foundation/base/errors.ts";

const user = { domain: "user", retryable: false, httpStatus: 400 } as const;
const missing = { domain: "user", retryable: false, httpStatus: 501 } as const;

export const validateErrors = defineErrors({
  TABLE_NOT_FOUND: {
    ...user,
    code: "MR2101",
    message: "Object '{name}' not found",
    hint: "Create the table or view first, or check its catalog and database with SHOW TABLES.",
  },
  COLUMN_NOT_FOUND: {
    ...user,
    code: "MR2102",
    message: "Column '{column}' not found in any table",
    hint: "Column names are case-sensitive. Columns in scope: {known}.",
  },
  COLUMN_NOT_IN_TABLE: {
    ...user,
    code: "MR2103",
    message: "Column '{column}' not found in table '{table}'",
    hint: "Column names are case-sensitive. Columns of the table: {known}.",
  },
  TABLE_ALIAS_NOT_FOUND: {
    ...user,
    code: "MR2104",
    message: "Table '{table}' not found",
    hint: "Tables in scope: {known}.",
  },
  COLUMN_AMBIGUOUS: {
    ...user,
    code: "MR2105",
    message: "Column '{column}' is ambiguous",
    hint: "Put the table's name or alias before the column: {choices}.",
  },
  FUNCTION_NOT_FOUND: {
    ...user,
    code: "MR2106",
    message: "No match found for function signature {signature}",
    hint: "Check the function's name, or create it with CREATE FUNCTION.",
  },
  FUNCTION_ARGUMENTS: {
    ...user,
    code: "MR2107",
    message:
      "Invalid function call: {call}. Cannot apply '{function}' to arguments of type {given}. {reason}",
    hint: "Supported form: {expected}.",
  },
  OPERATOR_ARGUMENTS: {
    ...user,
    code: "MR2108",
    message:
      "Cannot apply '{operator}' to arguments of type '{given}'. Supported form(s): {expected}",
    hint: "Use CAST where the types differ.",
  },
  OPERATOR_FORM: {
    ...user,
    code: "MR2197",
    message: "Cannot apply '{operator}' to arguments of {given}",
    hint: "Use CAST where the types differ.",
  },
  CAST_IMPOSSIBLE: {
    ...user,
    code: "MR2109",
    message: "Cast function cannot convert value of type {from} to type {to}",
    hint: "Choose another target type, or convert with a function.",
  },
  TYPE_INCOMPATIBLE: {
    ...user,
    code: "MR2110",
    message: "{what} have incompatible types: {types}",
    hint: "Make the types agree with CAST.",
  },
  EXPECTED_TYPE: {
    ...user,
    code: "MR2111",
    message: "{what} must be of type {expected}, but it is {given}",
    hint: "Change the expression so that it yields {expected}.",
  },
  NOT_GROUPED: {
    ...user,
    code: "MR2112",
    message: "Expression '{expression}' is not being grouped",
    hint: "Add it to GROUP BY, or put it into an aggregate function.",
  },
  AGGREGATE_MISPLACED: {
    ...user,
    code: "MR2113",
    message: "Aggregate expression is illegal in {clause}",
    hint: "Move it to SELECT, HAVING or ORDER BY of a grouped query.",
  },
  WINDOW_FUNCTION_MISPLACED: {
    ...user,
    code: "MR2114",
    message: "Windowed aggregate expression is illegal in {clause} clause",
    hint: "Compute it in a subquery and filter outside, or use QUALIFY.",
  },
  OVER_REQUIRED: {
    ...user,
    code: "MR2115",
    message: "OVER clause is necessary for window functions: {function}",
    hint: "Write {function}(…) OVER (PARTITION BY … ORDER BY …).",
  },
  COLUMN_COUNT: {
    ...user,
    code: "MR2116",
    message: "Column count mismatch in {where}: expected {expected}, but found {given}",
    hint: "Give as many columns on both sides.",
  },
  ARGUMENT_LITERAL: {
    ...user,
    code: "MR2117",
    message: "{what} must be a literal",
    hint: "Write the value itself, not an expression of columns.",
  },
  WINDOW_ARGUMENT: {
    ...user,
    code: "MR2118",
    message: "{message}",
    hint: "See the syntax of window functions: TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE).",
  },
  ESCAPE_INVALID: {
    ...user,
    code: "MR2132",
    message: "Invalid escape {what} {text}",
    hint: "Expected: {expected}.",
  },
  CAST_TIME_NUMBER: {
    ...user,
    code: "MR2133",
    message:
      "The cast from {from} type to {to} type is not allowed. It's recommended to use {instead}.",
    hint: "Use {instead}.",
  },
  LITERAL_INVALID: {
    ...user,
    code: "MR2119",
    message: "Illegal {type} literal '{text}'",
    hint: "Expected form: {expected}.",
  },
  TYPE_INVALID: {
    ...user,
    code: "MR2120",
    message: "Invalid data type: {message}",
    hint: "Correct the type.",
  },
  TABLE_DEFINITION: {
    ...user,
    code: "MR2121",
    message: "{message}",
    hint: "{remedy}",
  },
  OBJECT_EXISTS: {
    ...user,
    code: "MR2122",
    message: "{object} {name} already exists.",
    hint: "Drop it first, or use IF NOT EXISTS.",
  },
  TABLE_OR_VIEW_NOT_FOUND: {
    ...user,
    code: "MR2134",
    message: "Tables or views with the identifier '{name}' doesn't exist.",
    hint: "SHOW TABLES lists what there is.",
  },
  OBJECT_NOT_FOUND: {
    ...user,
    code: "MR2123",
    message: "{object} {name} does not exist.",
    hint: "Check the name; DROP and most forms of ALTER take IF EXISTS.",
  },
  DATABASE_NOT_FOUND: {
    ...user,
    code: "MR2135",
    message: "A database with name [{name}] does not exist in the catalog: [{catalog}].",
    hint: "SHOW DATABASES lists what there is.",
  },
  TABLE_EXISTS: {
    ...user,
    code: "MR2136",
    message: "Table (or view) {database}.{object} already exists in Catalog {catalog}.",
    hint: "Drop it first, or use IF NOT EXISTS.",
  },
  PLAN_FILE: {
    ...user,
    code: "MR2137",
    message: "The file '{path}' is no plan that can run: {reason}.",
    hint: "Compile the plan again with COMPILE PLAN.",
  },
  TOO_LARGE: {
    ...user,
    code: "MR2138",
    message: "The statement is too large to be planned: {what}",
    hint: "Split it: put parts of it into tables, and read those.",
  },
  SUBQUERY_SHAPE: {
    ...user,
    code: "MR2124",
    message: "{message}",
    hint: "Change the subquery so that it returns one column.",
  },
  SINK_SCHEMA: {
    ...user,
    code: "MR2125",
    message:
      "Column types of query result and sink for '{table}' do not match. Cause: {cause} Query schema: [{query}] Sink schema: [{sink}]",
    hint: "Change the SELECT list, or CAST its columns to the sink's types.",
  },
  OPTION_VALUE: {
    ...user,
    code: "MR2126",
    message: "Could not parse value '{value}' for key '{key}'",
    hint: "Expected {expected}.",
  },
  OPTION_REFUSED: {
    ...user,
    code: "MR2139",
    message: "The key '{key}' cannot be '{value}' here: {reason}",
    hint: "{remedy}",
  },
  HINT_INVALID: {
    ...user,
    code: "MR2127",
    message: "Invalid hint {hint}: {message}",
    hint: "See the reference of hints for its options.",
  },
  STATEMENT_INVALID: {
    ...user,
    code: "MR2128",
    message: "{message}",
    hint: "{remedy}",
  },
  ORDINAL: {
    ...user,
    code: "MR2129",
    message: "Ordinal out of range: {ordinal}",
    hint: "The query has {columns} columns.",
  },
  NOT_SUPPORTED: {
    ...missing,
    code: "MR2130",
    message: "{what} is not supported",
    hint: "{remedy}",
  },
  DUPLICATE_NAME: {
    ...user,
    code: "MR2131",
    message: "{what} '{name}' is defined twice",
    hint: "Give each its own name.",
  },
});

export const planErrors = defineErrors({
  NOT_DETERMINISTIC: {
    ...user,
    code: "MR2213",
    message: "{finding}",
    hint: "{remedy} Or set 'table.optimizer.non-deterministic-update.strategy' to 'IGNORE'.",
  },
  NODE_MISSING: {
    ...missing,
    code: "MR2201",
    message: "{what} cannot be planned yet",
    hint: "{remedy}",
  },
  CHANGES_NOT_ACCEPTED: {
    ...user,
    code: "MR2202",
    message:
      "{consumer} doesn't support consuming {changes} changes which is produced by node {producer}",
    hint: "Use a consumer that takes updates (a table with a PRIMARY KEY, an upsert or retract sink), or make the query append-only.",
  },
  ON_CONFLICT_REQUIRED: {
    ...user,
    code: "MR2203",
    message:
      "The query has an upsert key that differs from the primary key of the sink table '{table}'. Primary key: [{primaryKey}], upsert key: [{upsertKey}]. This can lead to non-deterministic results when several rows of the query fall on one key. Please specify an ON CONFLICT clause to choose what happens then: ON CONFLICT DO DEDUPLICATE, DO ERROR or DO NOTHING. Alternatively, set 'table.exec.sink.require-on-conflict' to 'false' to restore the behavior of earlier versions.",
    hint: "Add ON CONFLICT DO DEDUPLICATE behind the INSERT's query, or make the sink's primary key the query's upsert key.",
  },
  ON_CONFLICT_NOT_ALLOWED: {
    ...user,
    code: "MR2204",
    message: "ON CONFLICT clause is only allowed for upsert sinks; table '{table}' is none",
    hint: "Remove ON CONFLICT, or give the sink a primary key.",
  },
  SORT_UNBOUNDED: {
    ...user,
    code: "MR2205",
    message: "Sort on a non-time-attribute field is not supported.",
    hint: "Order an unbounded stream by an ascending time attribute first, add LIMIT, or run in batch mode.",
  },
  JOIN_CONDITION: {
    ...user,
    code: "MR2206",
    message: "{message}",
    hint: "{remedy}",
  },
  CORRELATION: {
    ...missing,
    code: "MR2207",
    message: "unexpected correlate variable in the plan: {message}",
    hint: "Rewrite the correlated subquery as a join.",
  },
  WINDOW_PLAN: {
    ...user,
    code: "MR2208",
    message: "{message}",
    hint: "{remedy}",
  },
  OVERWRITE: {
    ...user,
    code: "MR2209",
    message: "{message}",
    hint: "{remedy}",
  },
  SINK_CONSTRAINTS: {
    ...user,
    code: "MR2212",
    message: "{message}",
    hint: "Set 'table.exec.sink.nested-constraint-enforcer' to 'ROWS', or 'table.exec.sink.type-length-enforcer' to 'ERROR'.",
  },
});

const warned = { domain: "user", retryable: false, httpStatus: 200 } as const;

/** What is told beside a result: the statement runs all the same. */
export const sqlWarnings = defineErrors({
  UNBOUNDED_STATE: {
    ...warned,
    code: "MR2251",
    message: "{node} {what} for ever",
    hint: "SET 'table.exec.state.ttl' = '1 d' lets idle state go, or use a window.",
  },
  WATERMARK_MISSING: {
    ...warned,
    code: "MR2252",
    message:
      "Table {table} has the time column '{column}' but no watermark: its state can never be closed by time",
    hint: "Add WATERMARK FOR {column} AS {column} - INTERVAL '5' SECOND to the table, and use windows or interval joins.",
  },
  NON_DETERMINISTIC_COLUMN: {
    ...warned,
    code: "MR2253",
    message:
      "The column(s): {columns} (of a non-deterministic function) can not satisfy the determinism requirement for correctly processing update messages: a row that is taken back gets another value than it was given",
    hint: "Compute the column before the stream gets updates, for example in the source table.",
  },
  NON_DETERMINISTIC_FILTER: {
    ...warned,
    code: "MR2254",
    message:
      "There exists a non-deterministic function in a condition over updates, which may cause wrong results",
    hint: "Filter before the stream gets updates, or by values of the rows.",
  },
  OPTION_UNKNOWN: {
    ...warned,
    code: "MR2255",
    message: "The key '{key}' is unknown: it has no effect",
    hint: "Check its spelling; SET lists the keys of this session.",
  },
  OPTION_WITHOUT_EFFECT: {
    ...warned,
    code: "MR2256",
    message: "The key '{key}' has no effect on this engine: {reason}",
    hint: "RESET '{key}' takes it out of the session.",
  },
  SINK_KEY: {
    ...warned,
    code: "MR2257",
    message:
      "The primary key [{primaryKey}] of sink {table} is not the query's upsert key [{upsertKey}]: all rows of a key are kept in state to find the last one",
    hint: "Make the query's key the sink's primary key, or group the query by the sink's primary key.",
  },
  NON_DETERMINISTIC_LOOKUP: {
    ...warned,
    code: "MR2258",
    message:
      "The lookup in {table} happens anew for a row that is taken back, and may then find other values",
    hint: "Look up before the stream gets updates.",
  },
  NON_DETERMINISTIC_ANSWER: {
    ...warned,
    code: "MR2260",
    message: "{what} is asked anew for a row that is taken back, and may then answer otherwise",
    hint: "Ask before the stream gets updates.",
  },
  STRATEGY_HINT: {
    ...warned,
    code: "MR2259",
    message: "The hint {hint} changes nothing here: joins find their rows by key",
    hint: "Leave it out; it keeps its meaning on a Flink cluster.",
  },
});
