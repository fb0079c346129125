import { shallowReactive } from "vue";
import { hasUnsaved, mayDiscard } from "./unsaved";

/** The address bar, reactive. It is the only home of what a reload or the back button must restore. */
export const route = shallowReactive({
  path: path(),
  query: new URLSearchParams(location.search),
  /** How often the user has gone back or forward. */
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

// Each entry of the history knows its place, so that a step that is not wanted can be taken back.
let position = placeOf(history.state) ?? 0;
history.replaceState({ position }, "");

function placeOf(state: unknown): number | null {
  const place = (state as { position?: unknown } | null)?.position;
  return typeof place === "number" ? place : null;
}

/** How many of the next `popstate` events are steps back to where the user still is. */
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
  // The browser has already gone; it goes back there while the question is open, and again if the answer is yes.
  undoing += 1;
  history.go(-steps);
  void mayDiscard().then((yes) => {
    if (!yes) return;
    position = target;
    leave(() => history.go(steps));
  });
});

/** Runs `go`, whose `popstate` comes later, with the question already answered. */
function leave(go: () => void): void {
  undoing += 1;
  window.addEventListener("popstate", () => arrive(), { once: true });
  go();
}

/** Goes to a path of this site, unless a form with changes is open and the user wants to keep it. */
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
