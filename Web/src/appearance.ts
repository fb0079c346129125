// Runs before the first paint, in a file of its own because the policy of the pages forbids inline scripts: a page that
// is to be dark must not be white until the application has been loaded. `theme.ts` takes over from here.
const choice = localStorage.getItem("martlet.theme");
const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.dataset["appearance"] = dark ? "dark" : "light";
document.documentElement.style.colorScheme = dark ? "dark" : "light";

export {};
