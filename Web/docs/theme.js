// Runs before the first paint, as `appearance.ts` does for the console: Swagger UI has dark colours of its own.
const choice = localStorage.getItem("martlet.theme");
const system = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  const dark = choice === "dark" || (choice !== "light" && system.matches);
  document.documentElement.classList.toggle("dark-mode", dark);
}

paint();
system.addEventListener("change", paint);
