import { QBtn } from "quasar";
import { defineComponent, ref } from "vue";
import { Product, products } from "../api/products";
import { Column, DataTable } from "../components/DataTable";
import { confirmDeletion, notifyDone, notifyProblem } from "../components/feedback";
import { Ellipsis } from "../components/Ellipsis";
import { PageHeader } from "../components/PageHeader";
import { RowActions } from "../components/RowActions";
import { useList } from "../composables/useList";
import { focusRowAction } from "../focus";
import { formatNumber, formatPrice, formatTime } from "../i18n/format";
import { texts } from "../i18n/language";
import { may } from "../session/session";
import { ProductDialog } from "./ProductDialog";
import { productFilters, ProductFilters } from "./ProductFilters";

function columns(): Column<Product>[] {
  const t = texts().products;
  return [
    { name: "name", label: t.name, ordering: "name", cell: (product) => <Ellipsis class="m-row-name" text={product.name} /> },
    { name: "sku", label: t.sku, ordering: "sku", cell: (product) => product.sku ?? "—" },
    { name: "category", label: t.category, ordering: "category", cell: (product) => product.category || "—" },
    {
      name: "price", label: t.price, align: "right", ordering: "price",
      cell: (product) => formatPrice(product.price, product.currency),
    },
    {
      name: "stock", label: t.stock, align: "right", ordering: "stock",
      cell: (product) => (product.in_stock ? formatNumber(product.stock) : <span class="m-badge m-badge-warn">{t.outOfStock}</span>),
    },
    { name: "updated_at", label: t.updated, ordering: "updated_at", cell: (product) => formatTime(product.updated_at) },
  ];
}

export const ProductsPage = defineComponent(
  () => {
    const list = useList("/products", productFilters, products.list);
    /** The id of the product in the dialog, or "new". */
    const editing = ref<number | "new" | null>(null);

    async function remove(product: Product): Promise<void> {
      const t = texts().products;
      const place = list.items.value.indexOf(product);
      if (!(await confirmDeletion(t.deleteTitle, t.deleteText(product.name)))) return;
      try {
        await products.remove(product.id);
        notifyDone(texts().products.deleted(product.name));
      } catch (error) {
        notifyProblem(error);
      }
      await list.reload();
      focusRowAction(place);
    }

    const actions = (product: Product) => (
      <RowActions
        label={product.name}
        onEdit={may("catalog.change_product") ? () => (editing.value = product.id) : undefined}
        onDelete={may("catalog.delete_product") ? () => void remove(product) : undefined}
      />
    );

    return () => {
      const t = texts().products;
      const writable = may("catalog.change_product") || may("catalog.delete_product");
      return (
        <>
          <PageHeader title={t.title}>
            {may("catalog.add_product") && (
              <QBtn unelevated={true} noCaps={true} color="primary" icon="add" label={t.add} onClick={() => (editing.value = "new")} />
            )}
          </PageHeader>
          <ProductFilters list={list} />
          <DataTable list={list} columns={columns()} empty={{ title: t.none, text: t.noneHint }} actions={writable ? actions : undefined} />
          {editing.value !== null && (
            <ProductDialog
              productID={editing.value === "new" ? null : editing.value}
              onClosed={() => (editing.value = null)} onSaved={(product) => void list.reveal(product)}
            />
          )}
        </>
      );
    };
  },
  { name: "ProductsPage" },
);
