/** An error as the platform tells it: code, sentence, what to do. */
import { ApiError } from "../api-client/calls.ts";

export function Notice(props: { title: string; error: unknown; text?: string }) {
  const body = props.error instanceof ApiError ? props.error.body : undefined;
  const message = props.error instanceof Error ? props.error.message : String(props.error);
  return (
    <div className="notice" role="alert">
      <strong>{props.title}</strong>
      <div>
        {body === undefined ? null : <code>{body.code} </code>}
        {message}
        {body?.didYouMean?.length ? ` — did you mean ${body.didYouMean.join(" or ")}?` : ""}
      </div>
      <div className="muted">{props.text ?? body?.hint}</div>
    </div>
  );
}
