import { QSelect } from "quasar";
import { defineComponent, shallowRef } from "vue";
import { findCategories } from "../api/products";

interface Props {
  label: string;
  value: string;
  onChange: (category: string) => void;
  /** Whether what is typed counts although no product has that category yet. */
  free?: boolean;
  error?: boolean;
  errorMessage?: string;
}

/** A category, with those in use suggested while typing. */
export const CategorySelect = defineComponent(
  (props: Props) => {
    const options = shallowRef<string[]>([]);
    let timer: number | undefined;
    // Waits here and not through `inputDebounce`, which would delay what is typed as well.
    const suggest = (search: string, update: (apply: () => void) => void, abort: () => void) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        findCategories(search).then((found) => update(() => (options.value = found)), abort);
      }, search === "" ? 0 : 250);
    };
    return () => (
      <QSelect
        outlined={true} dense={true} clearable={true} useInput={true} hideSelected={true} fillInput={true} behavior="menu"
        inputDebounce={0} hideBottomSpace={props.error === undefined} error={props.error} errorMessage={props.errorMessage}
        label={props.label} options={options.value} modelValue={props.value || null} onFilter={suggest}
        onUpdate:modelValue={(category: string | null) => props.onChange(category ?? "")}
        onInputValue={props.free ? props.onChange : undefined}
      />
    );
  },
  { name: "CategorySelect", props: ["label", "value", "onChange", "free", "error", "errorMessage"] },
);
