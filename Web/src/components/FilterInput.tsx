import { QIcon, QInput } from "quasar";
import { defineComponent } from "vue";
import type { FieldError } from "../api/problem";
import { fieldErrorText } from "../i18n/problems";

interface Props {
  label: string;
  value: string;
  error?: FieldError;
  onChange: (value: string) => void;
  icon?: string;
  inputmode?: string;
}

/** A text filter. It applies shortly after the last keystroke. */
export const FilterInput = defineComponent(
  (props: Props) => () => (
    <QInput
      class={["m-filter", { "m-search": props.icon }]} outlined={true} dense={true} clearable={true} hideBottomSpace={true}
      noErrorIcon={true} error={props.error !== undefined} errorMessage={props.error && fieldErrorText(props.error)}
      label={props.label} type={props.icon ? "search" : "text"} inputmode={props.inputmode}
      debounce={350} autocomplete="off"
      modelValue={props.value}
      onUpdate:modelValue={(value) => props.onChange(String(value ?? "").trim())}
    >
      {{ prepend: props.icon ? () => <QIcon name={props.icon ?? ""} size="20px" /> : undefined }}
    </QInput>
  ),
  { name: "FilterInput", props: ["label", "value", "error", "onChange", "icon", "inputmode"] },
);
