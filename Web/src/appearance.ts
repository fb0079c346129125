// Sets the theme before the first paint, so that a dark page is not white while the application loads. A separate file,
// because the content security policy forbids inline scripts. `theme.ts` takes over later.
const choice = localStorage.getItem("martlet.theme");
const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.dataset["appearance"] = dark ? "dark" : "light";
document.documentElement.style.colorScheme = dark ? "dark" : "light";

export {};
