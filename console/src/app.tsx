/** Frame of every page: top bar, sign-in, the one page there is so far. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, getSession, signIn } from "./api-client/calls.ts";
import { OverviewPage } from "./pages/overview/overview-page.tsx";
import { Notice } from "./widgets/notice.tsx";
import { Skeleton } from "./widgets/skeleton.tsx";
import { ThemeToggle } from "./widgets/theme-toggle.tsx";

const RETRY_MS = 3000;

export function App() {
  const [token] = useState(takeToken);
  const session = useQuery({
    queryKey: ["session"],
    queryFn: () => (token === null ? getSession() : signIn(token).catch(() => getSession())),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) => (isSignedOut(state.error) || state.data ? false : RETRY_MS),
  });
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top-bar">
        <svg className="brand" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M1 6c3-3 4 3 7 0s4 3 7 0M1 11c3-3 4 3 7 0s4 3 7 0" />
        </svg>
        <strong>Millrace</strong>
        <span className="spacer" />
        <ThemeToggle />
      </header>
      <main id="main" tabIndex={-1}>
        {session.isPending ? (
          <Skeleton label="Signing in" />
        ) : session.isError ? (
          <SignedOut error={session.error} />
        ) : (
          <OverviewPage />
        )}
      </main>
    </>
  );
}

function SignedOut({ error }: { error: Error }) {
  if (!isSignedOut(error)) return <Notice title="The platform cannot be reached" error={error} />;
  return (
    <section className="panel centred" aria-labelledby="signed-out">
      <h1 id="signed-out">You are not signed in</h1>
      <p>
        Open the sign-in link that <code>millrace up</code> printed. It works once: run{" "}
        <code>millrace up</code> again in the same folder for a new one.
      </p>
    </section>
  );
}

function isSignedOut(error: Error | null): boolean {
  return error instanceof ApiError && error.body.code === "MR7101";
}

/** The one-time token of the link; it leaves the address bar at once. */
function takeToken(): string | null {
  const url = new URL(location.href);
  const token = url.searchParams.get("t");
  if (token !== null) {
    url.searchParams.delete("t");
    history.replaceState(null, "", url);
  }
  return token;
}
