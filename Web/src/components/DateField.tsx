import { QBtn, QDate, QInput, QPopupProxy } from "quasar";
import { defineComponent } from "vue";
import type { FieldBinding } from "../composables/useForm";
import { texts } from "../i18n/language";

// Quasar passes days as YYYY/MM/DD, regardless of the mask.
const today = () => new Date().toISOString().slice(0, 10).replaceAll("-", "/");
const isPast = (day: string) => day <= today();

/** A date in the past, typed as YYYY-MM-DD or picked from a calendar. */
export const DateField = defineComponent(
  (props: { field: FieldBinding<string>; label: string }) => {
    const calendar = () => (
      <QBtn flat={true} round={true} dense={true} size="sm" icon="event" aria-label={texts().actions.chooseDate}>
        <QPopupProxy>
          <QDate
            minimal={true} mask="YYYY-MM-DD" options={isPast}
            defaultView="Years" defaultYearMonth="1990/01" navigationMaxYearMonth={today().slice(0, 7)}
            modelValue={props.field.modelValue || null}
            onUpdate:modelValue={(day) => props.field["onUpdate:modelValue"](day ?? "")}
          />
        </QPopupProxy>
      </QBtn>
    );
    return () => (
      <QInput
        {...props.field} class="m-field" outlined={true} dense={true} label={props.label}
        mask="####-##-##" inputmode="numeric" autocomplete="bday"
      >
        {{ append: calendar }}
      </QInput>
    );
  },
  { name: "DateField", props: ["field", "label"] },
);
