import { QBtn } from "quasar";
import { Child, defineComponent } from "vue";
import type { List } from "../composables/useList";
import { Column, DataTable } from "./DataTable";
import { PageHeader } from "./PageHeader";

interface Props<T> {
  title: string;
  list: List<T>;
  columns: Column<T>[];
  empty: { title: string; text: string };
  /** The button that creates an item; absent for users who may not. */
  add?: { label: string; act: () => void };
  actions?: (row: T) => Child;
}

/** A page that shows a list. Slots: `filters` above the table, and the `dialog` that edits an item. */
export const ListPage = defineComponent(
  (props: Props<any>, { slots }) =>
    () => (
      <>
        <PageHeader title={props.title}>
          {props.add && <QBtn unelevated={true} noCaps={true} color="primary" icon="add" label={props.add.label} onClick={props.add.act} />}
        </PageHeader>
        {slots["filters"]?.()}
        <DataTable list={props.list} columns={props.columns} empty={props.empty} actions={props.actions} />
        {slots["dialog"]?.()}
      </>
    ),
  { name: "ListPage", props: ["title", "list", "columns", "empty", "add", "actions"] },
);
