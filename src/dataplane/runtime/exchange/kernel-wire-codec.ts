/** The WireCodec that the kernels do. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { Schema } from "../../../foundation/columnar/schema.ts";
import type { Distribution } from "../../../foundation/plan/exec-node.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import type { WireCodec } from "./wire-codec.ts";

export function kernelWireCodec(
  _runtime: WorkerRuntime,
  _schema: Schema,
  distribution: Distribution,
): WireCodec {
  throw baseErrors.UNSUPPORTED({
    what: `an exchange by ${distribution.kind}`,
    remedy: "Run the statement with parallelism 1.",
  });
}
