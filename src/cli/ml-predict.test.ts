import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SqlSession } from "../language/sql/script/sql-session.ts";
import { Engine } from "../../testkit/conformance/engine.ts";
import { sqlHost } from "./sql-host.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: {
    readonly model: string;
    readonly input?: readonly string[];
    readonly messages?: readonly { readonly role: string; readonly content: string }[];
    readonly temperature?: number;
  };
}

const KEY = "sk-very-secret";
const asked: Asked[] = [];
/** Answers in place of the next ones: a status and a body. */
const instead: [number, unknown][] = [];
const server = createServer((request, response) => {
  void bodyOf(request).then((text) => {
    const body = JSON.parse(text) as Asked["body"];
    asked.push({ path: request.url!, authorization: request.headers.authorization, body });
    const [status, answer] = instead.shift() ?? [200, answerTo(body)];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
});
let base = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
after(() => server.close());

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Embeddings of [length, 0.5], last first; chats say the text in capitals. */
function answerTo({ input, messages }: Asked["body"]): unknown {
  if (messages !== undefined)
    return {
      choices: [{ message: { role: "assistant", content: messages[1]!.content.toUpperCase() } }],
    };
  const data = input!.map((text, index) => ({ index, embedding: [text.length, 0.5] }));
  return { data: data.reverse() };
}

function engineWith(options: Readonly<Record<string, string>> = {}): Engine {
  asked.length = 0;
  instead.length = 0;
  const engine = new Engine();
  const all = (path: string) =>
    Object.entries({
      provider: "openai",
      endpoint: `${base}/${path}`,
      "api-key": KEY,
      model: "m1",
      ...options,
    })
      .map(([key, value]) => `'${key}' = '${value}'`)
      .join(", ");
  engine.execute(
    `CREATE MODEL chat INPUT (text STRING) OUTPUT (answer STRING) WITH (${all("chat/completions")})`,
  );
  engine.execute(
    `CREATE MODEL vectors INPUT (text STRING) OUTPUT (v ARRAY<FLOAT>) WITH (${all("embeddings")})`,
  );
  engine.execute(
    "CREATE VIEW t AS SELECT * FROM (VALUES (1, 'a'), (2, 'bcd'), (3, CAST(NULL AS STRING))) AS s (id, text)",
  );
  return engine;
}

async function answers(engine: Engine, select: string): Promise<string[]> {
  const { rows } = await engine.query(select);
  return rows.map(({ text }) => text).sort();
}

const PREDICT = "ML_PREDICT(TABLE t, MODEL chat, DESCRIPTOR(text)";

test("a chat model answers row by row; the columns of the table stay before it", async () => {
  const engine = engineWith({ temperature: "0.5" });
  const rows = await answers(engine, `SELECT * FROM TABLE(${PREDICT}))`);
  assert.deepEqual(rows, ["+I[1, a, A]", "+I[2, bcd, BCD]"]);
  assert.equal(asked.length, 2);
  const [first] = asked;
  assert.equal(first!.authorization, `Bearer ${KEY}`);
  assert.equal(first!.path, "/v1/chat/completions");
  assert.equal(first!.body.model, "m1");
  assert.equal(first!.body.temperature, 0.5);
  assert.equal(first!.body.messages![0]!.content, "You are a helpful assistant.");
  const config = "MAP['async', 'false', 'timeout', '10 s']";
  const chosen = `SELECT answer FROM ML_PREDICT(INPUT => TABLE t, MODEL => MODEL chat, ARGS => DESCRIPTOR(text), CONFIG => ${config}) WHERE id = 2`;
  assert.deepEqual(await answers(engine, chosen), ["+I[BCD]"]);
});

test("embeddings are asked for in batches, and found by their index", async () => {
  const engine = engineWith();
  const rows = await answers(
    engine,
    "SELECT id, v[1], v[2] FROM TABLE(ML_PREDICT(TABLE t, MODEL vectors, DESCRIPTOR(text)))",
  );
  assert.deepEqual(rows, ["+I[1, 1.0, 0.5]", "+I[2, 3.0, 0.5]"]);
  assert.deepEqual(
    asked.map(({ body }) => body.input),
    [["a", "bcd"]],
  );
});

test("what may pass is asked again; what does not fails the job or leaves the row out; no key is told", async () => {
  const busy: [number, unknown] = [429, { error: { message: "slow down" } }];
  const engine = engineWith();
  instead.push(busy, busy);
  const select = `SELECT answer FROM TABLE(${PREDICT}))`;
  assert.deepEqual(await answers(engine, select), ["+I[A]", "+I[BCD]"]);
  assert.equal(asked.length, 4);
  const wrong: [number, unknown] = [401, { error: { message: `no such key ${KEY}` } }];
  instead.push(wrong, wrong);
  await assert.rejects(answers(engine, select), (error: Error & { code?: string }) => {
    assert.equal(error.code, "MR3060");
    assert.match(
      error.message,
      /model default_catalog.default_database.chat gave no answer: 401 no/,
    );
    assert.ok(!JSON.stringify([error.message, error.stack, String(error.cause)]).includes(KEY));
    return true;
  });
  const lenient = engineWith({ "error-handling-strategy": "ignore" });
  instead.push(wrong);
  assert.equal((await answers(lenient, select)).length, 1);
  const impatient = engineWith({ "retry-num": "0" });
  instead.push(busy, busy);
  await assert.rejects(answers(impatient, select), { code: "MR3060" });
});

test("EXPLAIN shows no secrets; arguments that do not fit are refused", async () => {
  const engine = engineWith();
  const plan = JSON.stringify(engine.execute(`EXPLAIN SELECT * FROM TABLE(${PREDICT}))`));
  assert.match(plan, /AsyncCorrelate\(invocation=\[ML_PREDICT\(MODEL default_catalog/);
  assert.ok(!plan.includes(KEY));
  const refused = async (call: string, message: RegExp) =>
    assert.rejects(async () => answers(engine, `SELECT * FROM TABLE(ML_PREDICT(${call}))`), {
      message,
    });
  await refused("TABLE t, MODEL nowhere, DESCRIPTOR(text)", /Model 'nowhere' does not exist/);
  await refused(
    "TABLE t, MODEL chat, DESCRIPTOR(text, id)",
    /columns \(2\) does not match model input size \(1\)/,
  );
  await refused("TABLE t, MODEL chat, DESCRIPTOR(none)", /none/);
  await refused(
    "TABLE t, MODEL chat, DESCRIPTOR(text), MAP['asynk', 'true']",
    /'asynk' = 'true' is unknown/,
  );
  engine.execute(
    "CREATE MODEL odd INPUT (text STRING) OUTPUT (n INT) WITH ('provider' = 'openai', 'endpoint' = 'http://x/v1/chat/completions', 'api-key' = 'k', 'model' = 'm')",
  );
  await refused(
    "TABLE t, MODEL odd, DESCRIPTOR(text)",
    /gives one STRING, but has INPUT \(STRING\)/,
  );
});

test("a compiled plan holds no secret: it comes from the catalog when the plan is run", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-plan-"));
  try {
    const path = join(folder, "plan.json");
    const session = new SqlSession({ host: sqlHost() });
    session.executeScript(
      `CREATE TABLE s (text STRING) WITH ('connector' = 'datagen'); CREATE TABLE d (text STRING, answer STRING) WITH ('connector' = 'print');
       CREATE MODEL chat INPUT (text STRING) OUTPUT (answer STRING) WITH ('provider' = 'openai', 'endpoint' = 'http://localhost/v1/chat/completions', 'api-key' = '${KEY}', 'model' = 'm');
       COMPILE PLAN '${path}' FOR INSERT INTO d SELECT * FROM ML_PREDICT(TABLE s, MODEL chat, DESCRIPTOR(text))`,
    );
    assert.ok(!readFileSync(path, "utf8").includes(KEY));
    const [run] = session.executeScript(`EXECUTE PLAN '${path}'`);
    assert.ok(JSON.stringify(run).includes(KEY));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
