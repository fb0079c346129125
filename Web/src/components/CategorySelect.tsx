import { QItem, QItemLabel, QItemSection, QSelect, SelectHandle, SelectOptionScope } from "quasar";
import { defineComponent, nextTick, onUnmounted, shallowRef } from "vue";
import { Category, findCategories } from "../api/categories";
import { isAbort } from "../api/problem";
import { formatNumber } from "../i18n/format";
import { texts } from "../i18n/language";
import { claim, isEnter, ranked } from "./suggestions";

interface Props {
  label: string;
  value: string;
  onChange: (category: string) => void;
  /** Whether a category that no product has yet is accepted. */
  free?: boolean;
  error?: boolean;
  errorMessage?: string;
}

/** A field for a category that suggests existing ones while typing. Enter or Tab accepts the highlighted one. */
export const CategorySelect = defineComponent(
  (props: Props) => {
    const known = shallowRef<readonly Category[]>([]);
    const options = shallowRef<string[]>([]);
    let select: SelectHandle | null = null;
    /** The text in the field, typed or chosen with the arrow keys. */
    let typed = "";
    /** The text typed last. */
    let wanted = "";
    /** The text for which options are shown. */
    let offered = "";
    let timer: number | undefined;
    let running = new AbortController();
    onUnmounted(() => {
      window.clearTimeout(timer);
      running.abort();
    });

    function suggestions(text: string): string[] {
      return ranked(known.value.map(({ category }) => category), text, props.free);
    }
    function offer(): void {
      options.value = suggestions(wanted);
    }
    function highlight(): void {
      select?.setOptionIndex(wanted.trim() === "" ? -1 : 0);
      offered = wanted;
    }
    function input(text: string): void {
      typed = text;
      if (props.free) props.onChange(text);
    }
    const keydown = (event: KeyboardEvent) => {
      // If the list is not up to date yet, accept what it would highlight.
      if (!isEnter(event) || typed === offered) return;
      claim(event);
      const [first] = suggestions(typed);
      if (first === undefined || typed.trim() === "") return;
      typed = offered = first;
      props.onChange(first);
      select?.updateInputValue(first, true);
      select?.hidePopup();
    };

    async function search(): Promise<void> {
      running.abort();
      const { signal } = (running = new AbortController());
      try {
        known.value = (await findCategories(wanted.trim(), signal)).items.filter(({ category }) => category !== "");
      } catch (error) {
        // Suggestions are optional: without them everything can still be typed.
        if (isAbort(error) || signal.aborted) return;
        known.value = [];
      }
      // Keep the option that the user has chosen with the arrow keys.
      const chosen = options.value[select?.getOptionIndex() ?? -1];
      const moved = chosen !== undefined && chosen !== options.value[0];
      offer();
      // Quasar removes the highlight in the tick after the options change.
      await nextTick();
      await nextTick();
      if (signal.aborted) return;
      if (moved && options.value.includes(chosen)) select?.setOptionIndex(options.value.indexOf(chosen));
      else highlight();
    }

    // Offer known categories immediately, so that no option is highlighted that does not match the text.
    const suggest = (text: string, update: (apply: () => void, then?: () => void) => void) => {
      wanted = text;
      update(offer, highlight);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void search(), text === "" ? 0 : 200);
    };

    const option = ({ opt, index, itemProps }: SelectOptionScope) => {
      const found = known.value.find(({ category }) => category === opt);
      return (
        <QItem key={index} {...itemProps}>
          <QItemSection><QItemLabel class="m-ellipsis" title={opt}>{opt}</QItemLabel></QItemSection>
          <QItemSection side={true}>{found ? formatNumber(found.count) : texts().products.newCategory}</QItemSection>
        </QItem>
      );
    };

    return () => (
      <QSelect
        ref={(instance: unknown) => (select = instance as SelectHandle | null)}
        outlined={true} dense={true} clearable={true} useInput={true} hideSelected={true} fillInput={true} behavior="menu"
        inputDebounce={0} hideBottomSpace={props.error === undefined} error={props.error} errorMessage={props.errorMessage}
        label={props.label} options={options.value} modelValue={props.value || null} onFilter={suggest}
        onUpdate:modelValue={(category: string | null) => props.onChange(category ?? "")}
        onInputValue={input} onKeydown={keydown}
      >
        {{ option }}
      </QSelect>
    );
  },
  { name: "CategorySelect", props: ["label", "value", "onChange", "free", "error", "errorMessage"] },
);
