/**
 * The model provider `openai`: chat completions and embeddings of servers that speak OpenAI's HTTP interface.
 *
 * Rows:    one STRING in. Chat: one STRING out, a request a row (as many rows as there are choices). Embeddings: one
 *          ARRAY<FLOAT> out, up to `batch-size` rows a request.
 * Retries: `error-handling-strategy` = retry: answers 408, 409, 429 and 5xx, and connections that fail, are asked again after
 *          0.5 s, then twice as long, at most 8 s, `retry-num` times; the timeout of ML_PREDICT counts over all of them.
 *          What remains fails the job (failover), or the row is left out (ignore).
 * Secrets: `api-key` is in no message; what a server says has it masked.
 * Errors:  MR3060 an answer that is an error, MR3061 a model whose columns or options do not fit.
 * Source:  Flink OpenAIModelProviderFactory, OpenAIChatModelFunction, OpenAIEmbeddingModelFunction.
 */
import { SECRET_MASK } from "../../../foundation/base/secrets.ts";
import { type LogicalType, typeToString } from "../../../foundation/columnar/logical-type.ts";
import type { Value } from "../../../foundation/columnar/value-reader.ts";
import type { Timers } from "../../../foundation/host/env.ts";
import type { Model, ModelDescription, ModelProvider } from "../../contract/model.ts";
import { checkOptions, OptionReader } from "../../contract/table-option.ts";
import { connectorErrors } from "../errors.ts";
import { OPENAI_OPTIONS } from "./openai-options.ts";

const CHAT = "chat/completions";
const EMBEDDINGS = "embeddings";
const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 8_000;
const MAX_REASON = 500;

type Rows = readonly (readonly (readonly Value[])[])[];

export const openaiProvider: ModelProvider = {
  identifier: "openai",
  options: OPENAI_OPTIONS,
  validate: (model) => {
    readerOf(model);
  },
  open: (model, timers) => new OpenaiModel(model, timers),
};

function readerOf(model: ModelDescription) {
  const owner = `model ${model.name}`;
  checkOptions(owner, OPENAI_OPTIONS, model.options);
  const reader = new OptionReader(owner, OPENAI_OPTIONS, model.options);
  for (const { key } of OPENAI_OPTIONS) if (reader.has(key)) reader.text(key);
  const endpoint = reader.string("endpoint").replace(/\/+$/, "");
  const refused = (reason: string) => connectorErrors.MODEL_UNFIT({ model: model.name, reason });
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isEmbedding = url?.pathname.endsWith(`/${EMBEDDINGS}`) ?? false;
  if (url === undefined || !(isEmbedding || url.pathname.endsWith(`/${CHAT}`)))
    throw refused(`its endpoint must be a URL that ends in /${CHAT} or /${EMBEDDINGS}`);
  const task = reader.text("task")?.toLowerCase();
  if (task !== undefined && (task === "embedding") !== isEmbedding)
    throw refused(`its task is ${task}, which ${url.pathname} does not do`);
  const [given, answer] = [model.input, model.output].map((fields) => fields[0]?.type);
  const single = model.input.length === 1 && model.output.length === 1;
  if (!single || !isText(given) || !(isEmbedding ? isVector(answer) : isText(answer)))
    throw refused(
      `it takes one STRING and gives one ${isEmbedding ? "ARRAY<FLOAT>" : "STRING"}, but has ` +
        `INPUT (${typesOf(model.input)}) and OUTPUT (${typesOf(model.output)})`,
    );
  return { reader, endpoint, isEmbedding };
}

const isText = (type: LogicalType | undefined) => type?.kind === "VARCHAR";
const isVector = (type: LogicalType | undefined) =>
  type?.kind === "ARRAY" && type.element.kind === "FLOAT";
const typesOf = (fields: ModelDescription["input"]) =>
  fields.map(({ type }) => typeToString(type)).join(", ");

class OpenaiModel implements Model {
  readonly batchRows: number;
  readonly #name: string;
  readonly #reader: OptionReader;
  readonly #endpoint: string;
  readonly #isEmbedding: boolean;
  readonly #timers: Timers;
  readonly #closed = new AbortController();

  constructor(model: ModelDescription, timers: Timers) {
    const { reader, endpoint, isEmbedding } = readerOf(model);
    this.#name = model.name;
    this.#reader = reader;
    this.#endpoint = endpoint;
    this.#isEmbedding = isEmbedding;
    this.#timers = timers;
    this.batchRows = isEmbedding ? reader.number("batch-size") : 1;
  }

  async predict(rows: readonly (readonly Value[])[]): Promise<Rows> {
    const texts = rows.map(([text]) => text as string | null);
    const asked = texts.filter((text) => text !== null);
    const answers = asked.length === 0 ? [] : await this.#request(asked);
    let next = 0;
    return texts.map((text) => (text === null ? [] : (answers[next++] ?? [])));
  }

  close(): void {
    this.#closed.abort();
  }

  async #request(texts: readonly string[]): Promise<Rows> {
    const reader = this.#reader;
    const strategy = reader.choice("error-handling-strategy");
    const attempts = strategy === "retry" ? reader.number("retry-num") : 0;
    const last = strategy === "retry" ? reader.choice("retry-fallback-strategy") : strategy;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#ask(texts);
      if ("rows" in outcome) return outcome.rows;
      this.#closed.signal.throwIfAborted();
      if (outcome.mayPass && attempt < attempts) {
        await this.#rest(Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt));
        continue;
      }
      if (last === "ignore") return texts.map(() => []);
      throw connectorErrors.MODEL_FAILED({
        model: this.#name,
        reason: this.#masked(outcome.reason),
      });
    }
  }

  async #ask(
    texts: readonly string[],
  ): Promise<{ readonly rows: Rows } | { readonly reason: string; readonly mayPass: boolean }> {
    let status = 0;
    try {
      const response = await fetch(this.#endpoint, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${this.#reader.string("api-key")}`,
        },
        body: JSON.stringify(this.#isEmbedding ? this.#embedding(texts) : this.#chat(texts[0]!)),
        signal: this.#closed.signal,
      });
      status = response.status;
      const body: unknown = await response.json();
      if (!response.ok) return { reason: `${status} ${errorOf(body)}`, mayPass: passes(status) };
      const rows = this.#isEmbedding ? embeddings(body, texts.length) : choices(body);
      if (rows !== undefined) return { rows };
      return { reason: `its answer is not that of ${this.#endpoint}`, mayPass: false };
    } catch (error) {
      const reason = error instanceof Error ? causeOf(error) : "no answer";
      return { reason: status === 0 ? reason : `${status} ${reason}`, mayPass: passes(status) };
    }
  }

  #chat(text: string): object {
    const reader = this.#reader;
    const system = { role: "system", content: reader.string("system-prompt") };
    const number = (key: string) => (reader.has(key) ? reader.number(key) : undefined);
    return {
      model: reader.string("model"),
      messages: [system, { role: "user", content: text }],
      temperature: number("temperature"),
      top_p: number("top-p"),
      max_tokens: number("max-tokens"),
      presence_penalty: number("presence-penalty"),
      n: number("n"),
      seed: number("seed"),
      stop: reader.text("stop")?.split(","),
      response_format: reader.has("response-format")
        ? { type: reader.choice("response-format") }
        : undefined,
    };
  }

  #embedding(texts: readonly string[]): object {
    const reader = this.#reader;
    const dimensions = reader.has("dimension") ? reader.number("dimension") : undefined;
    return { model: reader.string("model"), input: texts, dimensions };
  }

  #rest(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(delayMs, resolve);
      const { signal } = this.#closed;
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }

  #masked(reason: string): string {
    const key = this.#reader.string("api-key");
    const text = key === "" ? reason : reason.replaceAll(key, SECRET_MASK);
    return text.slice(0, MAX_REASON);
  }
}

/** No answer, or one that may be another one later. */
const passes = (status: number): boolean =>
  status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;

function choices(body: unknown): Rows | undefined {
  const list = (body as { choices?: unknown } | null)?.choices;
  if (!Array.isArray(list)) return undefined;
  const texts = list.map((one): unknown => one?.message?.content ?? null);
  if (!texts.every((text) => text === null || typeof text === "string")) return undefined;
  return [texts.map((text) => [text as Value])];
}

function embeddings(body: unknown, count: number): Rows | undefined {
  const list = (body as { data?: unknown } | null)?.data;
  if (!Array.isArray(list) || list.length !== count) return undefined;
  const rows: (readonly (readonly Value[])[])[] = [];
  for (const [at, one] of list.entries()) {
    const { embedding, index = at } = (one ?? {}) as { embedding?: unknown; index?: unknown };
    const isNumbers = Array.isArray(embedding) && embedding.every((x) => typeof x === "number");
    if (!isNumbers || typeof index !== "number") return undefined;
    rows[index] = [[embedding.map(Math.fround)]];
  }
  return rows;
}

function errorOf(body: unknown): string {
  const { error } = (body ?? {}) as { error?: { message?: unknown } };
  return typeof error?.message === "string" ? error.message : "without a message";
}

/** What fetch says is in the cause: connection refused, and the like. */
function causeOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== "" ? cause.message : message;
}
