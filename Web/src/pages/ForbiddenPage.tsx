import { QBtn } from "quasar";
import { defineComponent } from "vue";
import { Notice } from "../components/Notice";
import { texts } from "../i18n/language";
import { follow } from "../router";

export const ForbiddenPage = defineComponent(
  () => () => (
    <Notice icon="lock_outline" heading={true} title={texts().forbidden.title} text={texts().forbidden.text}>
      <QBtn outline={true} noCaps={true} color="primary" href="/products" label={texts().actions.backHome} onClick={follow} />
    </Notice>
  ),
  { name: "ForbiddenPage" },
);
