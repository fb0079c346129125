/** Whether `text` holds `typed`, without regard to case. */
export function matches(text: string, typed: string): boolean {
  return text.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase());
}

/**
 * What to offer for `typed`, the best first: what is the same, what begins with it, then what holds it. With `free`, the
 * text itself is offered after those that begin with it.
 */
export function ranked(known: readonly string[], typed: string, free = false): string[] {
  const wanted = typed.trim().toLocaleLowerCase();
  if (wanted === "") return [...known];
  const rank = (text: string): number => {
    const candidate = text.toLocaleLowerCase();
    return candidate === wanted ? 0 : candidate.startsWith(wanted) ? 1 : 3;
  };
  const found = known.filter((text) => matches(text, typed));
  const offered = free && !found.some((text) => rank(text) === 0) ? [...found, typed.trim()] : found;
  const own = (text: string): number => (found.includes(text) ? rank(text) : 2);
  return offered.sort((one, other) => own(one) - own(other));
}

/** Whether the key asks to take a suggestion, and is not one of an input method's own. */
export function isEnter(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.isComposing;
}

/** Keeps a key from Quasar's fields, and from submitting the form. */
export function claim(event: KeyboardEvent): void {
  event.preventDefault();
  (event as { qKeyEvent?: boolean }).qKeyEvent = true;
}
