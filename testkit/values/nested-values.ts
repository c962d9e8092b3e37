/** ARRAY, MAP, MULTISET and the like of test data, in the canonical encoding that batches hold. */
import { baseErrors } from "../../src/foundation/base/errors.ts";
import { type LogicalType, typeToString } from "../../src/foundation/columnar/logical-type.ts";
import type { Value } from "../../src/foundation/columnar/value-reader.ts";
import type { TypedJson } from "./typed-json.ts";

export function encodeNested(_json: TypedJson, type: LogicalType): Value {
  throw baseErrors.UNSUPPORTED({
    what: `test data of type ${typeToString(type)}`,
    remedy: "Use types of fixed size, or text.",
  });
}
