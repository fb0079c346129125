import { CellScope, HeaderCellScope, QBtn, QSelect, QTable, QTd, QTh, Screen, TableColumn, TablePagination } from "quasar";
import { Child, defineComponent, nextTick, watch } from "vue";
import type { List } from "../composables/useList";
import { texts } from "../i18n/language";
import { fitted } from "./Ellipsis";
import { ErrorState } from "./ErrorState";
import { Notice } from "./Notice";
import { Pager } from "./Pager";
import { RowCard } from "./RowCard";

export interface Column<T> {
  name: string;
  label: string;
  /** The content of the cell. */
  cell: (row: T) => Child;
  align?: "left" | "right";
  /** The API's name for sorting. Columns without one cannot be sorted. */
  ordering?: string;
}

/** No field has this name. */
const ACTIONS = "(actions)";

interface Props<T> {
  list: List<T>;
  /** The first column names the row. */
  columns: Column<T>[];
  empty: { title: string; text: string };
  actions?: (row: T) => Child;
}

/** A list as a table, on phones as cards, with its loading, empty and error states. */
export const DataTable = defineComponent(
  (props: Props<any>) => {
    const { list } = props;

    // Show the top of the next page, which may be far above the button. A new item appears there too.
    let top: HTMLElement | null = null;
    watch(() => list.shown.value, () => {
      if (top !== null && top.getBoundingClientRect().top < 0) top.scrollIntoView();
    });
    watch(() => list.items.value, async () => {
      if (list.revealed.value === null) return;
      await nextTick();
      top?.querySelector(".m-revealed")?.scrollIntoView({ block: "nearest" });
    });

    const pagination = (): TablePagination => {
      const sorted = list.ordering.value.replace(/^-/, "");
      return {
        page: list.page.value,
        rowsPerPage: list.pageSize.value,
        rowsNumber: list.total.value,
        sortBy: props.columns.find((column) => column.ordering === sorted)?.name ?? null,
        descending: list.ordering.value.startsWith("-"),
      };
    };

    const sort = ({ pagination: wanted }: { pagination: TablePagination }) => {
      const field = props.columns.find((column) => column.name === wanted.sortBy)?.ordering;
      const ordering = field ? (wanted.descending ? "-" : "") + field : "";
      list.turn({ page: 1, pageSize: list.pageSize.value, ordering });
    };

    const columns = (): TableColumn[] => {
      const shown = props.columns.map((column) => ({
        name: column.name, label: column.label, field: column.cell, align: column.align ?? "left", sortable: !!column.ordering,
      }));
      const actions = { name: ACTIONS, label: texts().list.actions, field: () => "", align: "right" as const, classes: "m-sticky", headerClasses: "m-sticky" };
      return props.actions ? [...shown, actions] : shown;
    };

    const headerCell = (scope: HeaderCellScope) => {
      if (!scope.col.sortable) return <QTh props={scope}>{scope.col.label}</QTh>;
      const { sortBy, descending } = pagination();
      const order = sortBy !== scope.col.name ? "none" : descending ? "descending" : "ascending";
      // The cell itself sorts on click. The button is for the keyboard.
      return (
        <QTh props={scope} aria-sort={order}>
          <button type="button" class="m-sort">{scope.col.label}</button>
        </QTh>
      );
    };

    const cell = (scope: CellScope<unknown>) => (
      <QTd props={scope}>{scope.col.name === ACTIONS ? props.actions?.(scope.row) : fitted(scope.value as Child)}</QTd>
    );

    const rowClass = (row: { id: number }) => (row.id === list.revealed.value ? "m-revealed" : "");
    const card = (scope: { row: { id: number } }) => (
      <RowCard class={rowClass(scope.row)} row={scope.row} columns={props.columns} actions={props.actions} />
    );

    const sortOptions = () => [
      { label: texts().list.defaultOrder, value: "" },
      ...props.columns.flatMap(({ label, ordering }) =>
        ordering
          ? [
              { label: texts().list.ascending(label), value: ordering },
              { label: texts().list.descending(label), value: "-" + ordering },
            ]
          : [],
      ),
    ];

    // Cards have no header to sort by.
    const sortSelect = () => (
      <QSelect
        class="m-sort-select" outlined={true} dense={true} emitValue={true} mapOptions={true} stackLabel={true} behavior="menu"
        label={texts().list.sortBy} options={sortOptions()} modelValue={list.ordering.value}
        onUpdate:modelValue={(ordering: string) => list.turn({ page: 1, pageSize: list.pageSize.value, ordering })}
      />
    );

    const noData = () => {
      if (list.loading.value) return <div class="m-notice m-muted">{texts().app.loading}</div>;
      if (markedFilter()) return <Notice icon="filter_alt_off" title={texts().list.badFilter} text={texts().list.badFilterHint} alert={true} />;
      if (!list.filtered.value) return <Notice icon="inbox" {...props.empty} />;
      return (
        <Notice icon="search_off" title={texts().list.noMatches} text={texts().list.noMatchesHint}>
          <QBtn outline={true} noCaps={true} color="primary" label={texts().actions.clearFilters} onClick={list.clearFilters} />
        </Notice>
      );
    };

    const markedFilter = () => Object.keys(list.filters.value).some(list.filterError);

    return () => {
      if (list.problem.value && !markedFilter()) {
        const reset = list.viewError.value ? { label: texts().list.resetView, act: list.resetView } : undefined;
        return <ErrorState problem={list.problem.value} onRetry={() => void list.reload()} instead={reset} />;
      }
      const kept = markedFilter() && list.items.value.length > 0;
      return (
        <div class="m-list" aria-busy={String(list.loading.value)} ref={(element: unknown) => (top = element as HTMLElement | null)}>
          {kept && <p class="m-list-note" role="alert">{texts().list.badFilterKept}</p>}
          {Screen.lt.sm && props.columns.some(({ ordering }) => ordering) && sortSelect()}
          <QTable
            class="m-table" flat={true} bordered={true} binaryStateSort={true} grid={Screen.lt.sm} rowKey="id"
            rows={list.items.value} columns={columns()} tableRowClassFn={rowClass} loading={list.loading.value}
            pagination={pagination()} onUpdate:pagination={() => {}} onRequest={sort}
          >
            {{ "header-cell": headerCell, "body-cell": cell, item: card, "no-data": noData, bottom: () => <Pager list={list} /> }}
          </QTable>
        </div>
      );
    };
  },
  { name: "DataTable", props: ["list", "columns", "empty", "actions"] },
);
