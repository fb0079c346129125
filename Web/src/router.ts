import { shallowReactive } from "vue";

/** The address bar, reactive. It is the only home of what a reload or the back button must restore. */
export const route = shallowReactive({ path: location.pathname, query: new URLSearchParams(location.search) });

function read(): void {
  route.path = location.pathname;
  route.query = new URLSearchParams(location.search);
}

window.addEventListener("popstate", read);

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const target = new URL(to, location.origin);
  if (target.origin !== location.origin) return;
  const samePage = target.pathname === location.pathname;
  if (samePage && target.search === location.search) return;
  history[options.replace ? "replaceState" : "pushState"](null, "", target.pathname + target.search);
  read();
  if (!samePage) window.scrollTo(0, 0);
}

/** For `onClick` of a real link: plain clicks stay in the page, the others (new tab, download) are the browser's. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.currentTarget as Element | null)?.closest("a");
  if (!link || link.origin !== location.origin || link.target === "_blank") return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** The path to return to after signing in; anything but a path of this site is ignored. */
export function returnPath(): string {
  const next = route.query.get("next") ?? "";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}
