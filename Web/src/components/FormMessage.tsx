import { QBanner, QBtn, QIcon } from "quasar";
import { defineComponent } from "vue";
import type { Form } from "../composables/useForm";
import { texts } from "../i18n/language";

/** The error message of a form. After a conflicting change it offers to load the current version. */
export const FormMessage = defineComponent(
  (props: { form: Form<any>; onReload?: () => void }) => () => {
    const { message, problem } = props.form;
    if (message.value === null) return null;
    const reloadable = problem.value?.status === 412 && props.onReload;
    const unexpected = problem.value !== null && (problem.value.status === 0 || problem.value.status >= 500);
    return (
      <QBanner class="m-form-message" role="alert" rounded={true} dense={true}>
        {{
          avatar: () => <QIcon name="error_outline" size="20px" />,
          default: () => [
            message.value,
            unexpected && problem.value?.requestID && (
              <div class="m-request-id">
                {texts().errors.requestID}: <code>{problem.value.requestID}</code>
              </div>
            ),
            reloadable && (
              <div>
                <QBtn
                  flat={true} dense={true} noCaps={true} icon="refresh"
                  label={texts().actions.reload} onClick={() => props.onReload?.()}
                />
              </div>
            ),
          ],
        }}
      </QBanner>
    );
  },
  { name: "FormMessage", props: ["form", "onReload"] },
);
