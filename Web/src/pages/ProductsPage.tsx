import { defineComponent } from "vue";
import { Product, products } from "../api/products";
import type { Column } from "../components/DataTable";
import { Ellipsis } from "../components/Ellipsis";
import { ListPage } from "../components/ListPage";
import { RowActions } from "../components/RowActions";
import { useList } from "../composables/useList";
import { useRows } from "../composables/useRows";
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
    const rows = useRows(list, products.remove, (product) => product.name, () => texts().products);

    const actions = (product: Product) => (
      <RowActions
        label={product.name}
        onEdit={may("catalog.change_product") ? () => rows.edit(product) : undefined}
        onDelete={may("catalog.delete_product") ? () => void rows.remove(product) : undefined}
      />
    );

    return () => {
      const t = texts().products;
      const writable = may("catalog.change_product") || may("catalog.delete_product");
      const editing = rows.editing.value;
      return (
        <ListPage
          title={t.title} list={list} columns={columns()} empty={{ title: t.none, text: t.noneHint }}
          add={may("catalog.add_product") ? { label: t.add, act: rows.add } : undefined} actions={writable ? actions : undefined}
        >
          {{
            filters: () => <ProductFilters list={list} />,
            dialog: () => editing && <ProductDialog productID={editing.id} onClosed={rows.close} onSaved={rows.saved} />,
          }}
        </ListPage>
      );
    };
  },
  { name: "ProductsPage" },
);
