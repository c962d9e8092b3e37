/**
 * The error catalogue's mechanism: every room lists its errors in its own `errors.ts` with defineErrors(), and throws
 * nothing else. Codes are `MR` + 4 digits and are never reused:
 *   10xx config · 20xx parse · 21xx validate · 22xx plan · 30xx connectors · 31xx formats · 40xx state · 41xx operators
 *   42xx checkpoint · 50xx runtime · 60xx controller · 61xx autopilot, alerts · 70xx REST · 71xx access
 *   80xx Flink target · 99xx internal
 *
 * Flow:    everywhere. A message is a template whose {placeholders} are its typed parameters.
 * Example: const errors = defineErrors({ COLUMN_NOT_FOUND: { code: "MR2101", … message: 'column "{column}" not found' } });
 *          throw errors.COLUMN_NOT_FOUND({ column: "amout" }, { at: span });
 */

/** Whose move is next: the user's, some outside system's, or ours (a bug). */
export type ErrorDomain = "user" | "external" | "internal";

/** One entry of a catalogue. `message` and `hint` may hold {placeholders}. */
export interface ErrorDefinition<M extends string = string, H extends string = string> {
  readonly code: `MR${number}`;
  readonly domain: ErrorDomain;
  /** True when the same call may succeed later without a change by the user. */
  readonly retryable: boolean;
  readonly httpStatus: number;
  readonly message: M;
  /** What to do about it, one sentence. */
  readonly hint: H;
}

/** A place in a text: offsets are UTF-16 code units, [start, end); line and column count from 1. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** Where an error lies, as far as it is known. */
export interface ErrorPlace {
  readonly at?: Span;
  /** File, topic or table the input came from. */
  readonly source?: string;
  readonly cause?: unknown;
  readonly didYouMean?: readonly string[];
  /**
   * The row's value that is at fault, cut. Only who runs a query at a terminal sees it: it is in no message, so in no
   * log, history or answer of the platform.
   */
  readonly value?: string;
  /** Within a worker: which row of which batch was at fault, from 0. */
  readonly row?: number;
  readonly batch?: number;
}

type Placeholders<T extends string> = T extends `${string}{${infer P}}${infer Rest}`
  ? P | Placeholders<Rest>
  : never;

export type ErrorParams<M extends string, H extends string> = {
  readonly [K in Placeholders<M> | Placeholders<H>]: string | number | bigint | boolean;
};

/** What crosses a process or HTTP border. */
export interface ErrorObject {
  readonly code: string;
  readonly domain: ErrorDomain;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly where?: { source?: string; line?: number; column?: number; length?: number };
  readonly didYouMean?: readonly string[];
  readonly cause?: readonly string[];
  /** Only between the threads of one process; see ErrorPlace. */
  readonly value?: string;
}

/** The only class of error that Millrace throws on purpose. */
export class MillraceError extends Error {
  readonly code: string;
  readonly definition: ErrorDefinition;
  readonly params: Readonly<Record<string, unknown>>;
  readonly hint: string;
  readonly place: ErrorPlace;

  constructor(
    definition: ErrorDefinition,
    params: Readonly<Record<string, unknown>>,
    place: ErrorPlace,
  ) {
    super(
      fill(definition.message, params),
      place.cause === undefined ? {} : { cause: place.cause },
    );
    this.name = "MillraceError";
    this.code = definition.code;
    this.definition = definition;
    this.params = params;
    this.hint = fill(definition.hint, params);
    this.place = place;
  }

  /** The same error at a place that only the caller knows; a place already known wins. */
  at(place: ErrorPlace): MillraceError {
    return new MillraceError(this.definition, this.params, { ...place, ...this.place });
  }

  /** `withValue`: for another thread of this process only. */
  toObject(options?: { readonly withValue: boolean }): ErrorObject {
    const { at, source, didYouMean, value } = this.place;
    const where = {
      ...(source === undefined ? {} : { source }),
      ...(at === undefined ? {} : { line: at.line, column: at.column, length: at.end - at.start }),
    };
    const causes = causeMessages(this.cause);
    return {
      code: this.code,
      domain: this.definition.domain,
      message: this.message,
      hint: this.hint,
      retryable: this.definition.retryable,
      ...(at === undefined && source === undefined ? {} : { where }),
      ...(didYouMean === undefined || didYouMean.length === 0 ? {} : { didYouMean }),
      ...(causes.length === 0 ? {} : { cause: causes }),
      ...(value === undefined || options?.withValue !== true ? {} : { value }),
    };
  }
}

type ErrorFactories<D extends Record<string, ErrorDefinition>> = {
  readonly [K in keyof D]: ((
    params: ErrorParams<D[K]["message"], D[K]["hint"]>,
    place?: ErrorPlace,
  ) => MillraceError) & { readonly definition: ErrorDefinition };
};

/** Declares a room's catalogue; each entry becomes a function that makes the error (the caller throws it). */
export function defineErrors<const D extends Record<string, ErrorDefinition>>(
  definitions: D,
): ErrorFactories<D> {
  const factories: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const make = (params: Record<string, unknown>, place: ErrorPlace = {}) =>
      new MillraceError(definition, params, place);
    factories[name] = Object.assign(make, { definition });
  }
  return factories as ErrorFactories<D>;
}

/** Turns anything caught into a MillraceError; what is not one already is a bug of ours. */
export function toMillraceError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return baseErrors.INTERNAL({ message }, { cause: error });
}

export const baseErrors = defineErrors({
  INTERNAL: {
    code: "MR9901",
    domain: "internal",
    retryable: false,
    httpStatus: 500,
    message: "internal error: {message}",
    hint: "This is a defect of Millrace: please report it with the statement that caused it.",
  },
  ASSERTION: {
    code: "MR9902",
    domain: "internal",
    retryable: false,
    httpStatus: 500,
    message: "assertion failed: {message}",
    hint: "This is a defect of Millrace: please report it with the statement that caused it.",
  },
  OPTION_UNKNOWN: {
    code: "MR1001",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "Unsupported options found for {owner}: {key}",
    hint: "Supported options: {known}.",
  },
  OPTION_MISSING: {
    code: "MR1002",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "option '{key}' of {owner} is required",
    hint: "Set '{key}' in the WITH clause or the configuration.",
  },
  OPTION_INVALID: {
    code: "MR1003",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "option '{key}' has the invalid value '{value}': expected {expected}",
    hint: "Correct the value of '{key}'.",
  },
  UNSUPPORTED: {
    code: "MR1004",
    domain: "user",
    retryable: false,
    httpStatus: 501,
    message: "{what} is not supported",
    hint: "{remedy}",
  },
});

/** For our own invariants only; bad input gets a catalogue error. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw baseErrors.ASSERTION({ message });
}

function fill(template: string, params: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in params ? String(params[name]) : whole,
  );
}

function causeMessages(cause: unknown): string[] {
  const messages: string[] = [];
  for (let c = cause; c instanceof Error && messages.length < 8; c = c.cause)
    messages.push(c.message);
  return messages;
}
