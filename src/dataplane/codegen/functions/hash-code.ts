/**
 * HASH_CODE: of a text Java's String.hashCode(); of another variable value the same over its bytes; of a number its bits folded to
 * 32. Equal keys have equal hashes: 0.0 and -0.0, and all NaNs, are one value here.
 */
import { type LogicalType, physicalOf } from "../../../foundation/columnar/logical-type.ts";
import { pushPart } from "../value-code.ts";
import type { Value } from "../value.ts";
import type { ExpressionContext } from "../expression-context.ts";
import type { ScalarFunction } from "./registry.ts";

const isView = (type: LogicalType | undefined) => type !== undefined && physicalOf(type) === "view";
const NAN_HASH = 0x7fc00000;

export const hashCode: readonly ScalarFunction[] = [
  { kind: "kernel", kernel: "textHashCode", accepts: ({ args }) => isView(args[0]?.type) },
  {
    kind: "compiled",
    accepts: ({ args }) => args[0] !== undefined && physicalOf(args[0].type) !== "row",
    emit: (context, node) => {
      const value = context.compile(node.args[0]!);
      return context.strict(node.type, [value], { guard: false }, () => pushHash(context, value));
    },
  },
];

function pushHash({ f }: ExpressionContext, { physical, parts }: Value): void {
  const [first, second] = parts;
  switch (physical) {
    case "f32": {
      const number = f.local("f32");
      pushPart(f, first!).f32(0).op("f32.add").set(number);
      f.i32(NAN_HASH).get(number).op("i32.reinterpret_f32");
      f.get(number).get(number).op("f32.ne").op("select");
      return;
    }
    case "f64": {
      const number = f.local("f64");
      pushPart(f, first!).f64(0).op("f64.add").set(number);
      f.i32(NAN_HASH);
      pushFolded(f, () => f.get(number).op("i64.reinterpret_f64"));
      f.get(number).get(number).op("f64.ne").op("select");
      return;
    }
    case "i64":
      pushFolded(f, () => pushPart(f, first!));
      return;
    case "i128":
    case "ts128":
      pushFolded(f, () => {
        pushPart(f, first!);
        pushPart(f, second!).op("i64.xor");
      });
      return;
    default:
      pushPart(f, first!);
  }
}

/** The two halves of the i64, one over the other. */
function pushFolded(f: ExpressionContext["f"], push: () => void): void {
  const bits = f.local("i64");
  push();
  f.set(bits).get(bits).get(bits).i64(32).op("i64.shr_u").op("i64.xor").op("i32.wrap_i64");
}
