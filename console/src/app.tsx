/** Frame of every page: top bar, sign-in, the one page there is so far. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { getSession, signIn } from "./api-client/calls.ts";
import { OverviewPage } from "./pages/overview/overview-page.tsx";
import { Notice } from "./widgets/notice.tsx";
import { ThemeToggle } from "./widgets/theme-toggle.tsx";

export function App() {
  const [token] = useState(takeToken);
  const session = useQuery({
    queryKey: ["session"],
    queryFn: () => (token === null ? getSession() : signIn(token).catch(() => getSession())),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="top-bar">
        <span className="brand" aria-hidden="true">
          ≈
        </span>
        <strong>Millrace</strong>
        <span className="spacer" />
        <ThemeToggle />
      </header>
      <main id="main">
        {session.isPending ? null : session.isError ? (
          <Notice
            title="You are not signed in"
            error={session.error}
            text="Open the sign-in link that `millrace up` printed; it works once. Running `millrace up` again in the same folder prints a new one."
          />
        ) : (
          <OverviewPage />
        )}
      </main>
    </>
  );
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
