import { defineComponent, nextTick, watch, watchEffect } from "vue";
import { AppShell } from "./components/AppShell";
import { ConfirmDialog } from "./components/ConfirmDialog";
import { ErrorState } from "./components/ErrorState";
import { SignInAgain } from "./components/SignInAgain";
import { focusHeading } from "./focus";
import { texts } from "./i18n/language";
import { LoadingPage } from "./pages/LoadingPage";
import { navigate, returnPath, route } from "./router";
import { findRoute, HOME, loading } from "./routes";
import { abandon, session } from "./session/session";
import { start } from "./start";

export const App = defineComponent(
  () => {
    // The session decides between the pages for visitors and the others. Other tabs may change it at any time.
    watchEffect(() => {
      const { state } = session();
      if (state !== "anonymous" && state !== "active") return;
      const { entry } = findRoute(route.path);
      if (state === "anonymous" && !entry) {
        const here = route.path + (route.query.toString() && `?${route.query}`);
        navigate(here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`, { replace: true, unasked: true });
      } else if (state === "active" && (entry || route.path === "/")) {
        const next = entry ? returnPath() : "/";
        navigate(next === "/" ? HOME : next, { replace: true, unasked: true });
      }
    });

    watchEffect(() => {
      document.title = `${findRoute(route.path).title(texts())} · ${texts().app.name}`;
    });

    // After navigation or sign-in, move the focus to the page's heading.
    watch(() => findRoute(route.path), async (_, previous) => {
      if (previous === undefined || previous === loading || session().state === "starting") return;
      await nextTick();
      focusHeading();
    });
    // Leaving the page of an interrupted session also ends the session.
    watch(() => route.path, abandon);

    const page = () => {
      const current = session();
      if (current.state === "starting") return <LoadingPage />;
      if (current.state === "unreachable") {
        return <main><ErrorState problem={current.problem} onRetry={start} /></main>;
      }
      const { page: Page, entry } = findRoute(route.path);
      // Between a change of session and the redirect that follows, there is nothing to show.
      if ((current.state === "anonymous") !== Boolean(entry)) return null;
      return entry ? <Page /> : <AppShell><Page key={`${current.user?.id} ${route.path}`} /></AppShell>;
    };

    return () => [page(), session().state === "interrupted" && <SignInAgain />, <ConfirmDialog />];
  },
  { name: "App" },
);
