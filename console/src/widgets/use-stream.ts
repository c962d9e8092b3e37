/** Follows a stream of the API for as long as a component shows it; connects again when it breaks. */
import { useEffect, useRef, useState } from "react";

/** The page is redrawn at most this often: numbers that change faster cannot be read. */
const REDRAW_MS = 500;
const RECONNECT_MS = 2000;

/**
 * Calls `onItems` with what arrives; the component draws again at most every REDRAW_MS. `key` names the stream: another key
 * ends the old one. With `once`, a stream that has come to its end is not opened again. Returns the failure, if the stream is
 * broken at the moment.
 */
export function useStream<T>(
  key: string | undefined,
  open: (signal: AbortSignal) => AsyncIterable<T[]>,
  onItems: (items: T[]) => void,
  options: { readonly once?: boolean } = {},
): unknown {
  const [failure, setFailure] = useState<unknown>(undefined);
  const [, redraw] = useState(0);
  const latest = useRef({ open, onItems, once: options.once === true });
  latest.current = { open, onItems, once: options.once === true };
  useEffect(() => {
    if (key === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const schedule = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        redraw((n) => n + 1);
      }, REDRAW_MS);
    };
    const follow = async () => {
      while (!abort.signal.aborted) {
        try {
          for await (const items of latest.current.open(abort.signal)) {
            setFailure(undefined);
            latest.current.onItems(items);
            schedule();
          }
          if (latest.current.once) return;
        } catch (error) {
          if (!abort.signal.aborted) setFailure(error);
        }
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    };
    void follow();
    return () => {
      abort.abort();
      clearTimeout(timer);
      setFailure(undefined);
    };
  }, [key]);
  return failure;
}
