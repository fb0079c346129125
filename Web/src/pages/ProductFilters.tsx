import { defineComponent } from "vue";
import type { Product } from "../api/products";
import { CategorySelect } from "../components/CategorySelect";
import { FilterBar } from "../components/FilterBar";
import { FilterInput } from "../components/FilterInput";
import { booleanOptions, FilterSelect } from "../components/FilterSelect";
import type { List } from "../composables/useList";
import { texts } from "../i18n/language";
import { fieldErrorText } from "../i18n/problems";

export const productFilters = ["search", "category", "in_stock", "price__gte", "price__lte"] as const;

export const ProductFilters = defineComponent(
  (props: { list: List<Product> }) => {
    const { list } = props;
    const value = (name: typeof productFilters[number]) => list.filters.value[name] ?? "";
    return () => {
      const t = texts().products;
      const categoryError = list.filterError("category");
      return (
        <FilterBar list={list} searchHint={t.searchHint}>
          <CategorySelect
            class="m-filter" label={t.category} value={value("category")} onChange={(category) => list.filter({ category })}
            error={categoryError && true} errorMessage={categoryError && fieldErrorText(categoryError)}
          />
          <FilterSelect
            label={t.availability} value={value("in_stock")} options={booleanOptions(t.inStock, t.outOfStock)}
            error={list.filterError("in_stock")}
            onChange={(in_stock) => list.filter({ in_stock })}
          />
          <FilterInput
            class="m-narrow" label={t.priceFrom} inputmode="decimal" value={value("price__gte")}
            error={list.filterError("price__gte")} onChange={(price__gte) => list.filter({ price__gte })}
          />
          <FilterInput
            class="m-narrow" label={t.priceTo} inputmode="decimal" value={value("price__lte")}
            error={list.filterError("price__lte")} onChange={(price__lte) => list.filter({ price__lte })}
          />
        </FilterBar>
      );
    };
  },
  { name: "ProductFilters", props: ["list"] },
);
