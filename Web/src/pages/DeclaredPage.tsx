import { Component, defineComponent } from "vue";
import type { DeclaredColumn, DeclaredPage } from "../api/declaredPages";
import { listOf } from "../api/page";
import type { Column } from "../components/DataTable";
import { Ellipsis } from "../components/Ellipsis";
import { FilterBar } from "../components/FilterBar";
import { ListPage } from "../components/ListPage";
import { useList } from "../composables/useList";
import { texts, translated } from "../i18n/language";
import { formatValue } from "../i18n/values";

/** An item of a service's list. */
interface Item {
  id: number;
  [name: string]: unknown;
}

function column({ name, title, form, is_sortable }: DeclaredColumn, index: number): Column<Item> {
  const text = (item: Item) => formatValue(item[name], form, item["currency"]);
  return {
    name,
    label: translated(title),
    align: form === "number" || form === "money" ? "right" : "left",
    ordering: is_sortable ? name : undefined,
    cell: index === 0 ? (item) => <Ellipsis class="m-row-name" text={text(item)} /> : text,
  };
}

/** Makes the component of a declared page. */
export function declaredPage(page: DeclaredPage): Component {
  return defineComponent(
    () => {
      const list = useList(page.path, page.search ? ["search"] : [], listOf<Item>(page.list));
      return () => {
        const t = texts();
        return (
          <ListPage
            title={translated(page.title)} list={list} columns={page.columns.map(column)}
            empty={{ title: t.list.none, text: t.list.noneHint }}
          >
            {{ filters: page.search ? () => <FilterBar list={list} searchHint={t.actions.search} /> : undefined }}
          </ListPage>
        );
      };
    },
    { name: "DeclaredPage" },
  );
}
