/** Every file of the conformance data that there is a suite for, in the order in which they run. */
import type { Suite } from "../suite.ts";
import { aggregatesSuite } from "./aggregates-suite.ts";
import { functionsSuite } from "./functions-suite.ts";
import { itcasesSuite } from "./itcases-suite.ts";
import { nexmarkSuite } from "./nexmark-suite.ts";
import { parserSuite } from "./parser-suite.ts";
import { plansSuite } from "./plans-suite.ts";
import { programsSuite } from "./programs-suite.ts";
import { scalarSuite } from "./scalar-suite.ts";
import { statementsSuite } from "./statements-suite.ts";

export const suites: readonly Suite[] = [
  parserSuite,
  plansSuite,
  scalarSuite,
  aggregatesSuite,
  itcasesSuite,
  programsSuite,
  nexmarkSuite,
  functionsSuite,
  statementsSuite,
];
