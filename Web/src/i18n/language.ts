import { Lang } from "quasar";
import { ref } from "vue";
import type { Translations } from "../api/declaredPages";
import { en, Texts } from "./en";
import { zhCN } from "./zh-CN";

const languages = {
  en: { name: "English", texts: en, quasar: Lang.enUS },
  "zh-CN": { name: "简体中文", texts: zhCN, quasar: Lang.zhCN },
};
export type Language = keyof typeof languages;

const KEY = "martlet.language";
const current = ref<Language>(initial());

function initial(): Language {
  const remembered = localStorage.getItem(KEY);
  if (remembered !== null && remembered in languages) return remembered as Language;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export const choices = (Object.keys(languages) as Language[]).map((id) => ({ id, name: languages[id].name }));

export function language(): Language {
  return current.value;
}

export function setLanguage(id: Language): void {
  localStorage.setItem(KEY, id);
  current.value = id;
  applyLanguage();
}

export function applyLanguage(): void {
  Lang.set(languages[current.value].quasar);
  document.documentElement.lang = current.value;
}

/** The texts in the chosen language. Reactive: components that use them update when the language changes. */
export function texts(): Texts {
  return languages[current.value].texts;
}

/** A text that the server has in several languages. */
export function translated(translations: Translations): string {
  return translations[language()] ?? translations.en;
}
