/** An error as the platform tells it: code, sentence, what to do. */
import { ApiError, type ErrorBody } from "../api-client/calls.ts";

export function Notice(props: { title: string; error: unknown }) {
  if (props.error instanceof ApiError) {
    return <Failure title={props.title} body={props.error.body} />;
  }
  const message = props.error instanceof Error ? props.error.message : String(props.error);
  return (
    <div className="notice" role="alert">
      <strong>{props.title}</strong>
      <div>{message}</div>
    </div>
  );
}

export function Failure({ title, body }: { title: string; body: ErrorBody }) {
  const { code, message, hint, didYouMean = [], cause = [] } = body;
  return (
    <div className="notice" role="alert">
      <strong>{title}</strong>
      <div>
        {code === "" ? null : <code>{code} </code>}
        {message}
        {didYouMean.length > 0 ? ` — did you mean ${didYouMean.join(" or ")}?` : ""}
      </div>
      {cause.map((reason) => (
        <div key={reason}>because: {reason}</div>
      ))}
      <div className="muted">{hint}</div>
    </div>
  );
}
