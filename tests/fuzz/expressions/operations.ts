/** All operations of the expression fuzzer. */
import { aggregateOperations } from "./aggregate-operations.ts";
import type { Operation } from "./generator.ts";
import { logicOperations } from "./logic-operations.ts";
import { numericOperations } from "./numeric-operations.ts";
import { textOperations } from "./text-operations.ts";
import { timeOperations } from "./time-operations.ts";

export const scalarOperations: readonly Operation[] = [
  ...numericOperations,
  ...logicOperations,
  ...textOperations,
  ...timeOperations,
];

export { aggregateOperations };
