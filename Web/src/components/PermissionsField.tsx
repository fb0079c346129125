import { QSelect } from "quasar";
import { defineComponent } from "vue";
import type { FieldBinding } from "../composables/useForm";
import { texts } from "../i18n/language";

// What the console itself asks for. Services declare more, so others can be typed.
const suggested = ["catalog", "accounts"].flatMap((service) => {
  const model = service === "catalog" ? "product" : "user";
  return ["view", "add", "change", "delete"]
    .map((verb) => `${service}.${verb}_${model}`)
    // Reading products is public.
    .filter((permission) => permission !== "catalog.view_product");
});

export const PermissionsField = defineComponent(
  (props: { field: FieldBinding<string[]> }) => () => (
    <QSelect
      {...props.field} class="m-wide" outlined={true} dense={true} multiple={true} useChips={true} useInput={true}
      newValueMode="add-unique" behavior="menu" options={suggested}
      label={texts().users.permissions} hint={texts().users.permissionsHint}
    />
  ),
  { name: "PermissionsField", props: ["field"] },
);
