import { shallowReactive } from "vue";
import { hasUnsaved, mayDiscard } from "./unsaved";

/** The URL as reactive state. It alone holds what a reload or the back button must restore. */
export const route = shallowReactive({
  path: path(),
  query: new URLSearchParams(location.search),
  /** The number of back and forward steps. */
  moves: 0,
});

/** A trailing slash does not change the page. */
function path(): string {
  return location.pathname.replace(/\/+$/, "") || "/";
}

function read(): void {
  route.path = path();
  route.query = new URLSearchParams(location.search);
}

function arrive(): void {
  read();
  route.moves += 1;
}

// Each history entry records its position, so that a rejected step can be undone.
let position = placeOf(history.state) ?? 0;
history.replaceState({ position }, "");

function placeOf(state: unknown): number | null {
  const place = (state as { position?: unknown } | null)?.position;
  return typeof place === "number" ? place : null;
}

/** The number of coming `popstate` events that only undo a step. */
let undoing = 0;

window.addEventListener("popstate", (event) => {
  if (undoing > 0) {
    undoing -= 1;
    return;
  }
  const target = placeOf(event.state) ?? 0;
  const steps = target - position;
  if (steps === 0 || !hasUnsaved()) {
    position = target;
    return arrive();
  }
  // The browser has already moved. Undo the step while the question is open, and repeat it if the answer is yes.
  undoing += 1;
  history.go(-steps);
  void mayDiscard().then((yes) => {
    if (!yes) return;
    position = target;
    leave(() => history.go(steps));
  });
});

/** Runs `go`, whose `popstate` follows later, without asking again. */
function leave(go: () => void): void {
  undoing += 1;
  window.addEventListener("popstate", () => arrive(), { once: true });
  go();
}

/** Navigates to a path of this site, unless the user chooses to keep unsaved changes. */
export function navigate(to: string, options: { replace?: boolean; unasked?: boolean } = {}): void {
  const target = new URL(to, location.origin);
  if (target.origin !== location.origin) return;
  const samePage = target.pathname === location.pathname;
  if (samePage && target.search === location.search) return;
  if (!options.unasked && hasUnsaved()) {
    void mayDiscard().then((yes) => yes && navigate(to, { ...options, unasked: true }));
    return;
  }
  if (!options.replace) position += 1;
  history[options.replace ? "replaceState" : "pushState"]({ position }, "", target.pathname + target.search);
  read();
  if (!samePage) window.scrollTo(0, 0);
}

/** For `onClick` of a link. Plain clicks navigate within the page; the browser handles others (new tab, download). */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.currentTarget as Element | null)?.closest("a");
  if (!link || link.origin !== location.origin || link.target === "_blank") return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** The path to return to after sign-in. Anything but a path of this site is ignored. */
export function returnPath(): string {
  const next = route.query.get("next") ?? "";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}
