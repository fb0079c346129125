import { QItem, QItemLabel, QItemSection, QSelect, SelectHandle, SelectOptionScope } from "quasar";
import { defineComponent, shallowRef } from "vue";
import type { FieldBinding } from "../composables/useForm";
import { texts } from "../i18n/language";
import { claim, isEnter, matches, ranked } from "./suggestions";

// The permissions that the console checks. Services declare more, which can be typed.
const suggested = ["catalog", "accounts"].flatMap((service) => {
  const model = service === "catalog" ? "product" : "user";
  return ["view", "add", "change", "delete"]
    .map((verb) => `${service}.${verb}_${model}`)
    // Reading products is public.
    .filter((permission) => permission !== "catalog.view_product");
});

/**
 * The permissions of a user. Typing filters the permissions that the user lacks; Enter adds the highlighted one. Only
 * the cross on a permission, or Backspace in the empty field, removes one.
 */
export const PermissionsField = defineComponent(
  (props: { field: FieldBinding<string[]> }) => {
    let select: SelectHandle | null = null;
    // Initial permissions can be added again even if no service declares them any more.
    const known = [...new Set([...suggested, ...props.field.modelValue])];
    const options = shallowRef<string[]>([]);
    let typed = "";
    /** The text for which options are shown. */
    let offered = "";

    function suggestions(held: readonly string[]): string[] {
      const others = known.filter((permission) => !held.includes(permission));
      const own = typed.trim();
      // A word such as "product" is a search. It is offered as a permission only if nothing is found.
      const free = !held.includes(own) && (own.includes(".") || !others.some((permission) => matches(permission, own)));
      return ranked(others, typed, free);
    }
    function change(permissions: string[] | null): void {
      const held = permissions ?? [];
      props.field["onUpdate:modelValue"](held);
      if (typed !== "") select?.hidePopup();
      // Start again with the whole list.
      typed = offered = "";
      select?.updateInputValue("", true);
      options.value = suggestions(held);
      select?.setOptionIndex(-1);
    }
    const filter = (text: string, update: (apply: () => void, then?: () => void) => void) => {
      typed = text;
      update(
        () => (options.value = suggestions(props.field.modelValue)),
        () => {
          select?.setOptionIndex(typed.trim() === "" ? -1 : 0);
          offered = text;
        },
      );
    };
    const keydown = (event: KeyboardEvent) => {
      // If the list is not up to date yet, accept what it would highlight.
      if (!isEnter(event) || typed === offered) return;
      claim(event);
      const held = props.field.modelValue;
      const [first] = suggestions(held);
      if (first !== undefined && typed.trim() !== "") change([...held, first]);
    };

    const option = ({ opt, index, itemProps }: SelectOptionScope) => (
      <QItem key={index} {...itemProps}>
        <QItemSection><QItemLabel>{opt}</QItemLabel></QItemSection>
        {!known.includes(opt) && <QItemSection side={true}>{texts().users.newPermission}</QItemSection>}
      </QItem>
    );

    return () => (
      <QSelect
        {...props.field} onUpdate:modelValue={change} ref={(instance: unknown) => (select = instance as SelectHandle | null)}
        class="m-field m-wide" outlined={true} dense={true} multiple={true} useChips={true} useInput={true} inputDebounce={0}
        behavior="menu" options={options.value} onFilter={filter}
        onInputValue={(text) => (typed = text)} onKeydown={keydown}
        label={texts().users.permissions} hint={texts().users.permissionsHint}
      >
        {{ option }}
      </QSelect>
    );
  },
  { name: "PermissionsField", props: ["field"] },
);
