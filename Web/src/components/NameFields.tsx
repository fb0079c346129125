import { defineComponent } from "vue";
import type { FieldBinding } from "../composables/useForm";
import { language, texts } from "../i18n/language";
import { TextField } from "./TextField";

interface Props {
  firstName: FieldBinding<string>;
  lastName: FieldBinding<string>;
}

/** The fields for first and last name, in the order of the language. */
export const NameFields = defineComponent(
  (props: Props) => () => {
    const first = <TextField key="first" field={props.firstName} label={texts().users.firstName} autocomplete="given-name" />;
    const last = <TextField key="last" field={props.lastName} label={texts().users.lastName} autocomplete="family-name" />;
    return language() === "zh-CN" ? [last, first] : [first, last];
  },
  { name: "NameFields", props: ["firstName", "lastName"] },
);
