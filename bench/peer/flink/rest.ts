/** JSON over HTTP to Flink's two REST servers, both on the loopback address. */

const REQUEST_LIMIT_MS = 120_000;

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface RestReply {
  readonly status: number;
  readonly body: { readonly [key: string]: Json };
}

export async function restCall(
  port: number,
  path: string,
  post?: { readonly [key: string]: Json },
): Promise<RestReply> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    ...(post === undefined
      ? {}
      : {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(post),
        }),
  });
  return { status: response.status, body: (await response.json()) as RestReply["body"] };
}

/** The last cause of a Java stack trace: the line that tells why. */
export function rootCause(text: string): string {
  const causes = text
    .split("\n")
    .filter((line) => /^Caused by: |^[\w.$]+(Exception|Error): /.test(line));
  const line = causes.at(-1) ?? text.split("\n")[0] ?? "";
  return line.replace(/^Caused by: /, "").slice(0, 400);
}
