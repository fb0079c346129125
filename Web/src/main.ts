import { Notify, QuasarPlugin } from "quasar";
import { createApp } from "vue";
import { App } from "./App";
import { applyLanguage } from "./i18n/language";
import { start } from "./start";
import "./styles/all.css";
import { applyTheme } from "./theme";

const app = createApp(App);
app.use(QuasarPlugin, { plugins: { Notify }, config: { notify: { position: "bottom" } } });
applyTheme();
applyLanguage();
start();
app.mount("#app");
