/** stateRows: what a snapshot says about rows that a map keeps in the row form of codegen's RowLayout. */
import { PHYSICAL_WIDTH } from "../../../foundation/columnar/logical-type.ts";
import { physicalColumns, type Schema } from "../../../foundation/columnar/schema.ts";
import { RowLayout } from "../../codegen/codecs/row-layout.ts";
import type { StateRows } from "../../contract/keyed-state.ts";

type Choices = Partial<Omit<StateRows, "kind" | "fields" | "fixedBytes" | "nullOffset">>;

export function stateRows(
  schema: Schema,
  kind: StateRows["kind"],
  { name = "rows", offset = 0, input = 0, identity = [], whole = false }: Choices = {},
): StateRows {
  const { slots, fixedBytes, nullOffset } = new RowLayout(physicalColumns(schema), "row");
  let next = 0;
  const fields = schema.fields.map((field) => {
    const first = next;
    next += physicalColumns({ fields: [field] }).length;
    const own = slots.slice(first, next).map((slot) => ({
      offset: slot.offset,
      nullBit: slot.nullBit,
      width: PHYSICAL_WIDTH[slot.column.physical],
      view: slot.column.physical === "view",
    }));
    return { name: field.name, type: field.type, slots: own };
  });
  return { name, kind, offset, input, fixedBytes, nullOffset, fields, identity, whole };
}
