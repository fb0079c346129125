import { defineComponent } from "vue";
import { texts } from "../i18n/language";

export const LoadingPage = defineComponent(
  () => () => <div class="m-notice m-muted" role="status">{texts().app.loading}</div>,
  { name: "LoadingPage" },
);
