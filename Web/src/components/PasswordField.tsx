import { QBtn, QInput } from "quasar";
import { defineComponent, ref } from "vue";
import type { FieldBinding } from "../composables/useForm";
import { texts } from "../i18n/language";

interface Props {
  field: FieldBinding<string>;
  label: string;
  hint?: string;
  autocomplete: "current-password" | "new-password";
  autofocus?: boolean;
}

export const PasswordField = defineComponent(
  (props: Props) => {
    const shown = ref(false);
    const toggle = () => (
      <QBtn
        flat={true} round={true} dense={true} size="sm"
        icon={shown.value ? "visibility_off" : "visibility"}
        aria-label={shown.value ? texts().actions.hidePassword : texts().actions.showPassword}
        onClick={() => (shown.value = !shown.value)}
      />
    );
    return () => (
      <QInput
        {...props.field} class="m-field" outlined={true} dense={true} label={props.label} hint={props.hint}
        type={shown.value ? "text" : "password"} autocomplete={props.autocomplete} autofocus={props.autofocus} spellcheck={false}
      >
        {{ append: toggle }}
      </QInput>
    );
  },
  { name: "PasswordField", props: ["field", "label", "hint", "autocomplete", "autofocus"] },
);
