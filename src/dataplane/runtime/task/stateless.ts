/** SubtaskState of jobs whose operators keep no state. */
import { baseErrors } from "../../../foundation/base/errors.ts";
import type { CreateSubtaskState } from "./task-environment.ts";

export const createNoState: CreateSubtaskState = async ({ maxParallelism }) => ({
  forOperator: (node) => ({
    maxParallelism,
    map: () => {
      throw baseErrors.UNSUPPORTED({
        what: `keyed state of ${node.type}`,
        remedy: "Use statements without state.",
      });
    },
    operatorValue: () => ({ restored: [], set: () => {} }),
  }),
  beginSnapshot: () => ({
    step: () => true,
    done: Promise.resolve({ sizeBytes: 0, handle: null }),
  }),
  sizeBytes: () => 0,
  checkpointCompleted: () => {},
  close: () => {},
});
