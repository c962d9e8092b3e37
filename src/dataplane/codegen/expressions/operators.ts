/** The operators of the expression IR, by canonical name: the first table that expression compilation asks. */
import type { FunctionTable } from "../functions/registry.ts";
import { floatArithmetic, integerArithmetic, negation } from "./arithmetic.ts";
import { castFunctions } from "./cast.ts";
import { comparisonFunctions } from "./comparison.ts";
import { conditionalFunctions } from "./conditional.ts";
import { datetimeMinus, datetimePlus, intervalTimes, intervalNegation } from "./datetime.ts";
import {
  decimalModulo,
  decimalNegation,
  decimalProduct,
  decimalQuotient,
  decimalSum,
} from "./decimal.ts";
import { logicFunctions } from "./logic.ts";

export const operatorTable: FunctionTable = {
  ...logicFunctions,
  ...comparisonFunctions,
  ...conditionalFunctions,
  ...castFunctions,
  PLUS: [integerArithmetic("add"), floatArithmetic("add"), decimalSum("add"), datetimePlus],
  MINUS: [integerArithmetic("sub"), floatArithmetic("sub"), decimalSum("sub"), datetimeMinus],
  TIMES: [integerArithmetic("mul"), floatArithmetic("mul"), decimalProduct, intervalTimes],
  DIVIDE: [integerArithmetic("div"), floatArithmetic("div"), decimalQuotient],
  MOD: [integerArithmetic("rem"), floatArithmetic("rem"), decimalModulo],
  UNARY_MINUS: [negation, decimalNegation, intervalNegation],
};
