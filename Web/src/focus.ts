/** Focuses the page's heading, or else its content, for what comes next by keyboard or screen reader. */
export function focusHeading(): void {
  const heading = document.querySelector<HTMLElement>("main h1") ?? document.querySelector<HTMLElement>("main");
  // A field that the page itself has focused is better still.
  if (heading === null || heading.closest("main")?.contains(document.activeElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** After the row with the action at `index` has gone: the action of the row that took its place, or the heading. */
export function focusRowAction(index: number): void {
  const actions = document.querySelectorAll<HTMLElement>(".m-row-actions .m-delete");
  const next = actions[Math.min(index, actions.length - 1)];
  if (next) next.focus();
  else focusHeading();
}
