/** Focuses the page's heading, or else its content, for keyboards and screen readers. */
export function focusHeading(): void {
  const heading = document.querySelector<HTMLElement>("main h1") ?? document.querySelector<HTMLElement>("main");
  // Keep the focus on a field that the page itself has focused.
  if (heading === null || heading.closest("main")?.contains(document.activeElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** After a row was removed, focuses the action at `index`, which is now in the next row, or else the heading. */
export function focusRowAction(index: number): void {
  const actions = document.querySelectorAll<HTMLElement>(".m-row-actions .m-delete");
  const next = actions[Math.min(index, actions.length - 1)];
  if (next) next.focus();
  else focusHeading();
}
