import { confirm } from "./components/confirm";
import { texts } from "./i18n/language";

// Forms with unsaved changes. Everything that would discard them asks here first.
const guarded = new Set<() => boolean>();

/** Guards a form while `changed` is true, until the returned function is called. */
export function guard(changed: () => boolean): () => void {
  guarded.add(changed);
  return () => void guarded.delete(changed);
}

export function hasUnsaved(): boolean {
  return [...guarded].some((changed) => changed());
}

let question: Promise<boolean> | null = null;

/** Whether the page may be left: true if nothing would be lost, else the user's answer. Asks one question at a time. */
export function mayDiscard(changed = hasUnsaved()): Promise<boolean> {
  if (!changed) return Promise.resolve(true);
  const t = texts().unsaved;
  question ??= confirm({ title: t.title, message: t.text, confirm: t.discard, cancel: t.keep, negative: true })
    .finally(() => (question = null));
  return question;
}

// Reloading, closing the tab and leaving the site: the browser asks in its own words.
window.addEventListener("beforeunload", (event) => {
  if (hasUnsaved()) event.preventDefault();
});
