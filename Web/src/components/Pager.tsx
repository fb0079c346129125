import { QBtn, QSelect } from "quasar";
import { defineComponent } from "vue";
import { List, PAGE_SIZES } from "../composables/useList";
import { texts } from "../i18n/language";

/** Page size, position and page buttons under a list. Quasar's own leave the size without a name. */
export const Pager = defineComponent(
  (props: { list: List<any> }) => {
    const { list } = props;
    const turn = (page: number, pageSize = list.pageSize.value) =>
      list.turn({ page, pageSize, ordering: list.ordering.value });
    const button = (icon: string, label: string, page: number, enabled: boolean) => (
      <QBtn flat={true} round={true} dense={true} icon={icon} aria-label={label} title={label} disable={!enabled} onClick={() => turn(page)} />
    );
    return () => {
      const t = texts().list;
      const [page, size, total] = [list.page.value, list.pageSize.value, list.total.value];
      const last = Math.max(1, Math.ceil(total / size));
      return (
        <div class="m-pager">
          <QSelect
            class="m-page-size" outlined={true} dense={true} optionsDense={true} behavior="menu" prefix={t.rowsPerPage} aria-label={t.rowsPerPage}
            options={PAGE_SIZES.map(String)} modelValue={String(size)}
            onUpdate:modelValue={(chosen: string) => turn(1, Number(chosen))}
          />
          <span class="m-range">{t.range((page - 1) * size + 1, Math.min(page * size, total), total)}</span>
          <span>
            {button("first_page", t.firstPage, 1, page > 1)}
            {button("chevron_left", t.previousPage, page - 1, page > 1)}
            {button("chevron_right", t.nextPage, page + 1, page < last)}
            {button("last_page", t.lastPage, last, page < last)}
          </span>
        </div>
      );
    };
  },
  { name: "Pager", props: ["list"] },
);
