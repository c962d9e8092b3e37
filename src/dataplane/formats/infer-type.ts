/** The type that one text looks like: BOOLEAN, BIGINT, DOUBLE, DATE, TIMESTAMP(3) or STRING. */
import { type LogicalType, types } from "../../foundation/columnar/logical-type.ts";

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const TIMESTAMP =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?$/;

export function inferTextType(text: string): LogicalType {
  if (/^(?:true|false)$/i.test(text)) return types.boolean();
  if (/^-?(?:0|[1-9]\d{0,17})$/.test(text)) return types.bigint();
  if (/^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) && !/^-?0\d/.test(text))
    return types.double();
  if (DATE.test(text)) return types.date();
  if (TIMESTAMP.test(text)) return types.timestamp(3);
  return types.string();
}
