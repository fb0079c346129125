import { QBtn, QSelect } from "quasar";
import { defineComponent, ref, watch } from "vue";
import { List, PAGE_SIZES } from "../composables/useList";
import { texts } from "../i18n/language";

type Step = "first" | "previous" | "next" | "last";

/** Page size, position and page buttons below a list. Quasar's own pager has no accessible label for the size. */
export const Pager = defineComponent(
  (props: { list: List<any> }) => {
    const { list } = props;
    /** The button whose page is loading. */
    const step = ref<Step | null>(null);
    watch(() => list.loading.value, (loading) => {
      if (!loading) step.value = null;
    });
    const turn = (page: number, pageSize = list.pageSize.value) =>
      list.turn({ page, pageSize, ordering: list.ordering.value });
    const button = (name: Step, icon: string, label: string, page: number, enabled: boolean) => {
      const working = list.loading.value && step.value === name;
      const go = () => {
        step.value = name;
        turn(page);
      };
      return (
        <QBtn
          flat={true} round={true} dense={true} icon={icon} aria-label={label} title={label} aria-busy={String(working)}
          loading={working} disable={!working && (!enabled || list.loading.value)} onClick={go}
        />
      );
    };
    return () => {
      const t = texts().list;
      const { first, page, size } = list.shown.value;
      const total = list.total.value;
      const last = Math.max(1, Math.ceil(total / size));
      return (
        <div class="m-pager">
          <QSelect
            class="m-page-size" outlined={true} dense={true} optionsDense={true} behavior="menu" prefix={t.rowsPerPage} aria-label={t.rowsPerPage}
            options={PAGE_SIZES.map(String)} modelValue={String(list.pageSize.value)} disable={list.loading.value}
            onUpdate:modelValue={(chosen: string) => turn(1, Number(chosen))}
          />
          <span class="m-range">{t.range(total === 0 ? 0 : first + 1, Math.min(first + size, total), total)}</span>
          <span>
            {button("first", "first_page", t.firstPage, 1, page > 1)}
            {button("previous", "chevron_left", t.previousPage, page - 1, page > 1)}
            {button("next", "chevron_right", t.nextPage, page + 1, page < last)}
            {button("last", "last_page", t.lastPage, last, page < last)}
          </span>
        </div>
      );
    };
  },
  { name: "Pager", props: ["list"] },
);
