import { QSelect, SelectOption } from "quasar";
import { defineComponent } from "vue";
import type { FieldError } from "../api/problem";
import { texts } from "../i18n/language";
import { fieldErrorText } from "../i18n/problems";

interface Props {
  label: string;
  /** The value, or "" if the filter is not set. */
  value: string;
  options: SelectOption[];
  error?: FieldError;
  onChange: (value: string) => void;
}

/** A filter with a few fixed values and "any". */
export const FilterSelect = defineComponent(
  (props: Props) => () => (
    <QSelect
      class="m-filter" outlined={true} dense={true} emitValue={true} mapOptions={true} hideBottomSpace={true}
      noErrorIcon={true} error={props.error !== undefined} errorMessage={props.error && fieldErrorText(props.error)}
      label={props.label} behavior="menu"
      modelValue={props.value || null}
      options={[{ label: texts().list.any, value: "" }, ...props.options]}
      onUpdate:modelValue={(value: string | null) => props.onChange(value ?? "")}
    />
  ),
  { name: "FilterSelect", props: ["label", "value", "options", "error", "onChange"] },
);

/** The options of a filter on a boolean field. */
export function booleanOptions(yes = texts().list.yes, no = texts().list.no): SelectOption[] {
  return [{ label: yes, value: "true" }, { label: no, value: "false" }];
}
