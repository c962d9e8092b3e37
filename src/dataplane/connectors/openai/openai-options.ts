/** Options of models with the provider `openai`. Source: Flink's model provider of that name. */
import type { TableOption } from "../../contract/table-option.ts";

export const OPENAI_OPTIONS: readonly TableOption[] = [
  { key: "provider", type: "string", required: true, description: "`openai`." },
  {
    key: "endpoint",
    type: "string",
    required: true,
    description:
      "URL of the service, for example https://api.openai.com/v1/chat/completions or …/v1/embeddings.",
  },
  {
    key: "api-key",
    type: "string",
    required: true,
    description: "Secret of the service; a local server may take any text.",
  },
  { key: "model", type: "string", required: true, description: "Name of the model." },
  {
    key: "task",
    type: "enum",
    values: ["text_generation", "classification", "embedding"],
    description: "What the model is for; `embedding` goes with …/embeddings alone.",
  },
  {
    key: "batch-size",
    type: "integer",
    default: "16",
    min: 1,
    max: 2048,
    description: "Embeddings: the most rows of one request.",
  },
  { key: "dimension", type: "integer", min: 1, description: "Embeddings: length of the vectors." },
  {
    key: "system-prompt",
    type: "string",
    default: "You are a helpful assistant.",
    description: "Chat: what is said before every row.",
  },
  { key: "temperature", type: "number", min: 0, description: "Chat: randomness." },
  { key: "top-p", type: "number", min: 0, max: 1, description: "Chat: nucleus sampling." },
  {
    key: "stop",
    type: "string",
    description: "Chat: texts that end an answer, with commas between.",
  },
  { key: "max-tokens", type: "integer", min: 1, description: "Chat: the longest answer." },
  { key: "presence-penalty", type: "number", description: "Chat: penalty of what was said." },
  { key: "n", type: "integer", min: 1, description: "Chat: answers to each row; each is a row." },
  { key: "seed", type: "integer", description: "Chat: seed of the answers." },
  {
    key: "response-format",
    type: "enum",
    values: ["text", "json_object"],
    description: "Chat: form of the answers.",
  },
  {
    key: "error-handling-strategy",
    type: "enum",
    values: ["retry", "failover", "ignore"],
    default: "retry",
    description: "What errors do: asked again, the job fails, or the row is left out.",
  },
  {
    key: "retry-num",
    type: "integer",
    default: "100",
    min: 0,
    description: "How often a request is asked again.",
  },
  {
    key: "retry-fallback-strategy",
    type: "enum",
    values: ["failover", "ignore"],
    default: "failover",
    description: "What happens when a request is not asked again any more.",
  },
];
