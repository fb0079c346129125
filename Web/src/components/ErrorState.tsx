import { QBtn } from "quasar";
import { defineComponent } from "vue";
import type { Problem } from "../api/problem";
import { texts } from "../i18n/language";
import { problemText } from "../i18n/problems";
import { Notice } from "./Notice";

/**
 * A failed load: the error, the request ID for support, and a button to try again, or another action if a retry would
 * fail again.
 */
export const ErrorState = defineComponent(
  (props: { problem: Problem; onRetry: () => void; instead?: { label: string; act: () => void } }) => () => (
    <Notice icon="error_outline" title={texts().errors.title} text={problemText(props.problem)} alert={true}>
      {props.problem.requestID && (
        <p class="m-muted m-request-id">
          {texts().errors.requestID}: <code>{props.problem.requestID}</code>
        </p>
      )}
      <QBtn
        outline={true} noCaps={true} color="primary" label={props.instead?.label ?? texts().actions.retry}
        onClick={props.instead?.act ?? props.onRetry}
      />
    </Notice>
  ),
  { name: "ErrorState", props: ["problem", "onRetry", "instead"] },
);
