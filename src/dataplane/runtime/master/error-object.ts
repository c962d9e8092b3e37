/** Turns an error that crossed a thread or process border back into a MillraceError. */
import { type ErrorObject, MillraceError } from "../../../foundation/base/errors.ts";

export function errorFromObject(object: ErrorObject): MillraceError {
  const causes = (object.cause ?? []).toReversed();
  const cause = causes.reduce<Error | undefined>(
    (inner, message) => new Error(message, inner === undefined ? {} : { cause: inner }),
    undefined,
  );
  const { code, domain, retryable, message, hint, where, didYouMean, value } = object;
  return new MillraceError(
    { code: code as `MR${number}`, domain, retryable, httpStatus: 500, message, hint },
    {},
    {
      ...(cause === undefined ? {} : { cause }),
      ...(where?.source === undefined ? {} : { source: where.source }),
      ...(didYouMean === undefined ? {} : { didYouMean }),
      ...(value === undefined ? {} : { value }),
    },
  );
}
