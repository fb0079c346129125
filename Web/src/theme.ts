import { Dark } from "quasar";
import { ref } from "vue";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = typeof themes[number];

const KEY = "martlet.theme";
const current = ref<Theme>(themes.find((theme) => theme === localStorage.getItem(KEY)) ?? "auto");

export function theme(): Theme {
  return current.value;
}

export function setTheme(choice: Theme): void {
  localStorage.setItem(KEY, choice);
  current.value = choice;
  applyTheme();
}

export function applyTheme(): void {
  Dark.set(current.value === "auto" ? "auto" : current.value === "dark");
  // Native parts (scroll bars, autofill) follow the same choice.
  document.documentElement.style.colorScheme = current.value === "auto" ? "light dark" : current.value;
}
