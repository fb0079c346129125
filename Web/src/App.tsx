import { defineComponent, watchEffect } from "vue";
import { AppShell } from "./components/AppShell";
import { ErrorState } from "./components/ErrorState";
import { texts } from "./i18n/language";
import { navigate, returnPath, route } from "./router";
import { findRoute, HOME } from "./routes";
import { restoreSession, session } from "./session/session";

export const App = defineComponent(
  () => {
    // Who is signed in decides between the pages for visitors and the others; other tabs may change it at any time.
    watchEffect(() => {
      const { state } = session();
      if (state !== "anonymous" && state !== "active") return;
      const { entry } = findRoute(route.path);
      if (state === "anonymous" && !entry) {
        const here = route.path + (route.query.toString() && `?${route.query}`);
        navigate(here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`, { replace: true });
      } else if (state === "active" && (entry || route.path === "/")) {
        const next = entry ? returnPath() : "/";
        navigate(next === "/" ? HOME : next, { replace: true });
      }
    });

    watchEffect(() => {
      document.title = `${findRoute(route.path).title(texts())} · ${texts().app.name}`;
    });

    return () => {
      const current = session();
      if (current.state === "starting") return <div class="m-notice m-muted" role="status">{texts().app.loading}</div>;
      if (current.state === "unreachable") {
        return <main><ErrorState problem={current.problem} onRetry={() => void restoreSession()} /></main>;
      }
      const { page: Page, entry } = findRoute(route.path);
      // Between a change of session and the redirect that follows from it there is nothing to show.
      if ((current.state === "active") === Boolean(entry)) return null;
      return entry ? <Page /> : <AppShell><Page key={`${current.user?.id} ${route.path}`} /></AppShell>;
    };
  },
  { name: "App" },
);
