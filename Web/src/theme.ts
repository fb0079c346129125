import { Dark } from "quasar";
import { ref, watch } from "vue";

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
}

// `appearance.ts` has set this before the first paint. From now on it follows the choice and the system.
watch(() => Dark.isActive, (dark) => {
  const root = document.documentElement;
  root.dataset["appearance"] = dark ? "dark" : "light";
  // Applies the theme to native parts such as scroll bars and autofill.
  root.style.colorScheme = dark ? "dark" : "light";
});
