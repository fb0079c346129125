/** Whether `text` contains `typed`, ignoring case. */
export function matches(text: string, typed: string): boolean {
  return text.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase());
}

/**
 * The suggestions for `typed`, best first: exact matches, then prefixes, then other matches. With `free`, the text
 * itself follows the prefixes.
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

/** Whether the key accepts a suggestion and does not belong to an input method. */
export function isEnter(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.isComposing;
}

/** Prevents Quasar's fields and the form from handling a key. */
export function claim(event: KeyboardEvent): void {
  event.preventDefault();
  (event as { qKeyEvent?: boolean }).qKeyEvent = true;
}
