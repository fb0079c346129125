import { defineComponent } from "vue";
import { Product, ProductInput, products } from "../api/products";
import { CategorySelect } from "../components/CategorySelect";
import { notifyDone } from "../components/feedback";
import { FormDialog } from "../components/FormDialog";
import { TextField } from "../components/TextField";
import { useEditor } from "../composables/useEditor";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";

const blank = { name: "", sku: "", price: "", currency: "USD", description: "", category: "", stock: "0" };

function toValues(product: Product): typeof blank {
  return { ...product, sku: product.sku ?? "", price: product.price.toFixed(2), stock: String(product.stock) };
}

function toInput(values: typeof blank): Partial<ProductInput> {
  const { name, sku, price, currency, description, category, stock } = values;
  return {
    name: name.trim(),
    sku: sku.trim() || null,
    // Omit an empty price, so that the API reports "required" instead of "not a number".
    ...(price.trim() && { price: price.trim() }),
    currency: currency.trim().toUpperCase(),
    description,
    category,
    stock: /^-?\d+$/.test(stock.trim()) ? Number(stock) : stock,
  };
}

export const ProductDialog = defineComponent(
  (props: { productID: number | null; onClosed: () => void; onSaved: (product: Product) => void }) => {
    const id = props.productID;
    const form = useForm(blank);
    const editor = useEditor(form, id === null ? null : () => products.find(id), toValues);

    const save = (close: () => void) =>
      form.submit(async () => {
        const input = toInput(form.values);
        const { body: saved } = id === null
          ? await products.create(input as ProductInput)
          : await products.update(id, input, editor.etag());
        const t = texts().products;
        notifyDone(id === null ? t.created(saved.name) : t.saved(saved.name));
        props.onSaved(saved);
        close();
      });

    return () => {
      const t = texts().products;
      const category = form.field("category");
      return (
        <FormDialog
          title={id === null ? t.createTitle : t.editTitle} form={form}
          submitLabel={id === null ? texts().actions.create : texts().actions.save}
          loading={editor.loading.value} loadProblem={editor.problem.value}
          onSubmit={(close) => void save(close)} onReload={() => void editor.load()} onClosed={props.onClosed}
        >
          <TextField class="m-wide" field={form.field("name")} label={t.name} autofocus={true} required={true} />
          <TextField field={form.field("sku")} label={t.sku} />
          <CategorySelect
            class="m-field" free={true} label={t.category} value={category.modelValue}
            onChange={category["onUpdate:modelValue"]} error={category.error} errorMessage={category.errorMessage}
          />
          <TextField field={form.field("price")} label={t.price} inputmode="decimal" required={true} />
          <TextField field={form.field("currency")} label={t.currency} />
          <TextField field={form.field("stock")} label={t.stock} inputmode="numeric" />
          <TextField field={form.field("description")} label={t.description} type="textarea" />
        </FormDialog>
      );
    };
  },
  { name: "ProductDialog", props: ["productID", "onClosed", "onSaved"] },
);
