import { QBtn, Screen } from "quasar";
import { defineComponent, ref } from "vue";
import type { List } from "../composables/useList";
import { texts } from "../i18n/language";
import { FilterInput } from "./FilterInput";

/** The search box and, in the slot, the filters of a list. On phones a button shows and hides the filters. */
export const FilterBar = defineComponent(
  (props: { list: List<any>; searchHint: string }, { slots }) => {
    const open = ref(false);
    const { list } = props;
    const set = () => Object.entries(list.filters.value).filter(([name, value]) => name !== "search" && value !== "").length;
    const folded = () => Screen.lt.sm && !open.value && !Object.keys(list.filters.value).some(list.filterError);
    return () => (
      <search class="m-filters" role="search">
        <FilterInput
          icon="search" label={props.searchHint} aria-label={texts().actions.search}
          value={list.filters.value["search"] ?? ""} error={list.filterError("search")} onChange={(search) => list.filter({ search })}
        />
        {Screen.lt.sm && slots.default && (
          <QBtn
            outline={true} noCaps={true} icon="filter_list"
            label={set() > 0 ? `${texts().actions.filters} (${set()})` : texts().actions.filters}
            aria-expanded={String(!folded())} onClick={() => (open.value = !open.value)}
          />
        )}
        {!folded() && slots.default?.()}
        {list.filtered.value && (
          <QBtn flat={true} noCaps={true} color="primary" icon="close" label={texts().actions.clearFilters} onClick={list.clearFilters} />
        )}
      </search>
    );
  },
  { name: "FilterBar", props: ["list", "searchHint"] },
);
