import { FieldProps, QInput } from "quasar";
import { defineComponent } from "vue";
import type { FieldBinding } from "../composables/useForm";

interface Props {
  field: FieldBinding<string>;
  label: string;
  type?: "text" | "email" | "url" | "tel" | "textarea";
  hint?: string;
  inputmode?: string;
  autocomplete?: string;
  autofocus?: boolean;
  required?: boolean;
  readonly?: boolean;
}

/** A text field of a form, with several lines for "textarea". */
export const TextField = defineComponent(
  (props: Props, { slots }) =>
    () => {
      const field: FieldProps = { outlined: true, dense: true, hint: props.hint, label: props.label, readonly: props.readonly };
      return (
        <QInput
          {...field} {...props.field}
          class={["m-field", { "m-wide": props.type === "textarea" }]}
          type={props.type ?? "text"}
          autogrow={props.type === "textarea"}
          inputmode={props.inputmode}
          autocomplete={props.autocomplete ?? "off"}
          autofocus={props.autofocus}
          aria-required={props.required ? "true" : undefined}
        >
          {{ ...slots }}
        </QInput>
      );
    },
  {
    name: "TextField",
    props: ["field", "label", "type", "hint", "inputmode", "autocomplete", "autofocus", "required", "readonly"],
  },
);
