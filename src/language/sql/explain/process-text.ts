/** ProcessTableFunction as EXPLAIN prints it. Source: Flink StreamPhysicalProcessTableFunction.explainTerms. */
import type { LogicalType } from "../../../foundation/columnar/logical-type.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type {
  ProcessArgument,
  ProcessSpec,
} from "../../../foundation/plan/process-table-function.ts";
import type { SortField } from "../../../foundation/plan/expression.ts";
import { type TextStyle, expressionText, plainType } from "./expression-text.ts";

export function processText(spec: ProcessSpec, output: Schema, style: TextStyle): string[] {
  return [
    `invocation=[${invocationText(spec, style)}]`,
    `uid=[${spec.uidArgument ?? "null"}]`,
    `select=[${output.fields.map((field) => field.name).join(",")}]`,
    `rowType=[${rowTypeText(output)}]`,
  ];
}

export function invocationText(spec: ProcessSpec, style: TextStyle): string {
  const args = spec.arguments.map((argument) => argumentText(spec, argument, style));
  return `${spec.function}(${args.join(", ")})`;
}

function argumentText(spec: ProcessSpec, argument: ProcessArgument, style: TextStyle): string {
  switch (argument.kind) {
    case "default":
      return "DEFAULT()";
    case "descriptor":
      return `DESCRIPTOR(${argument.columns.map((column) => `'${column}'`).join(", ")})`;
    case "scalar":
      return expressionText(argument.value, (index) => `$${index}`, style);
    case "table": {
      const { partitionKeys, sort } = spec.tables[argument.table]!;
      const keys = partitionKeys.map((index) => `$${index}`).join(", ");
      const order = sort.map(sortText).join(", ");
      return [
        `TABLE(#${argument.table})`,
        ...(keys === "" ? [] : [`PARTITION BY(${keys})`]),
        ...(order === "" ? [] : [`ORDER BY(${order})`]),
      ].join(" ");
    }
  }
}

const sortText = ({ index, descending, nullsFirst }: SortField): string =>
  `$${index} ${descending ? "DESC" : "ASC"}_NULLS_${nullsFirst ? "FIRST" : "LAST"}`;

export function rowTypeText({ fields }: Schema): string {
  return `RecordType(${fields.map(({ name, type }) => `${typeText(type)} ${name}`).join(", ")})`;
}

function typeText(type: LogicalType): string {
  const attribute = "timeAttribute" in type ? type.timeAttribute : undefined;
  const { timeAttribute: _, ...plain } = type as LogicalType & { timeAttribute?: string };
  const text =
    attribute === undefined ? recordType(plain as LogicalType) : plainType(plain as LogicalType);
  return attribute === undefined ? text : `${text} *${attribute}*`;
}

/** As Calcite prints the types of a record. */
function recordType(type: LogicalType): string {
  if (type.kind === "TIMESTAMP_LTZ") return `TIMESTAMP_WITH_LOCAL_TIME_ZONE(${type.precision})`;
  if (type.kind !== "ROW") return plainType(type);
  return rowTypeText(type).replace("RecordType(", "RecordType:peek_no_expand(");
}
