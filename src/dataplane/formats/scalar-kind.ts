/** Numbers by which the kernels of the text formats know the types (kernels/json.as.ts, csv.as.ts, datagen.as.ts). */
import type { LogicalType } from "../../foundation/columnar/logical-type.ts";

/** How a type is read and written; undefined when it is no scalar that text formats carry. */
export function scalarKind(type: LogicalType): number | undefined {
  switch (type.kind) {
    case "BOOLEAN":
      return 1;
    case "TINYINT":
      return 2;
    case "SMALLINT":
      return 3;
    case "INTEGER":
      return 4;
    case "BIGINT":
    case "INTERVAL_DAY_TIME":
    case "INTERVAL_YEAR_MONTH":
      return 5;
    case "FLOAT":
      return 6;
    case "DOUBLE":
      return 7;
    case "DECIMAL":
      return type.precision <= 18 ? 8 : 9;
    case "CHAR":
    case "VARCHAR":
      return 10;
    case "BINARY":
    case "VARBINARY":
      return 11;
    case "DATE":
      return 12;
    case "TIME":
      return 13;
    case "TIMESTAMP":
      return type.precision <= 3 ? 14 : 15;
    case "TIMESTAMP_LTZ":
      return type.precision <= 3 ? 16 : 17;
    default:
      return undefined;
  }
}
