import { QBtn } from "quasar";
import { defineComponent } from "vue";
import { Notice } from "../components/Notice";
import { texts } from "../i18n/language";
import { follow } from "../router";

export const NotFoundPage = defineComponent(
  () => () => (
    <Notice icon="explore_off" heading={true} title={texts().notFound.title} text={texts().notFound.text}>
      <QBtn outline={true} noCaps={true} color="primary" href="/products" label={texts().actions.backHome} onClick={follow} />
    </Notice>
  ),
  { name: "NotFoundPage" },
);
