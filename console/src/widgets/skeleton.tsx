/** A place that is being loaded; it shows only when that takes a while (the delay is in the style). */
export function Skeleton(props: { label: string; height?: number }) {
  return (
    <div className="skeleton" role="status" style={{ minHeight: props.height ?? 120 }}>
      {props.label} …
    </div>
  );
}
