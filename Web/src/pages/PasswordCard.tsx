import { QBtn, QCard } from "quasar";
import { defineComponent } from "vue";
import * as auth from "../api/auth";
import { notifyDone } from "../components/feedback";
import { FormMessage } from "../components/FormMessage";
import { PasswordField } from "../components/PasswordField";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";

const blank = { current_password: "", new_password: "" };

export const PasswordCard = defineComponent(
  () => {
    const form = useForm(blank);
    const save = (event: Event) => {
      event.preventDefault();
      void form.submit(async () => {
        await auth.changePassword(form.values.current_password, form.values.new_password);
        form.reset(blank);
        notifyDone(texts().profile.passwordChanged);
      });
    };
    return () => {
      const t = texts().profile;
      return (
        <QCard flat={true} bordered={true} class="m-card">
          <form novalidate={true} onSubmit={save}>
            <h2 class="m-subtitle">{t.password}</h2>
            <p class="m-muted">{t.passwordHint}</p>
            <FormMessage form={form} />
            <div class="m-fields">
              <PasswordField field={form.field("current_password")} label={t.currentPassword} autocomplete="current-password" />
              <PasswordField field={form.field("new_password")} label={t.newPassword} autocomplete="new-password" />
            </div>
            <QBtn type="submit" outline={true} noCaps={true} color="primary" label={t.changePassword} loading={form.submitting.value} />
          </form>
        </QCard>
      );
    };
  },
  { name: "PasswordCard" },
);
