import { QBtn } from "quasar";
import { defineComponent, onMounted } from "vue";
import { EntryLayout } from "../components/EntryLayout";
import { FormMessage } from "../components/FormMessage";
import { PasswordField } from "../components/PasswordField";
import { TextField } from "../components/TextField";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { follow, route } from "../router";
import { askWhetherRegistrationIsOpen, registrationOpen } from "../session/registration";
import { signIn } from "../session/session";

export const SignInPage = defineComponent(
  () => {
    const form = useForm({ username: "", password: "" }, { disposable: true });
    onMounted(() => void askWhetherRegistrationIsOpen());
    // The API names the field `email` or `username`. Show the errors of both at the one input.
    const submit = (event: Event) => {
      event.preventDefault();
      void form.submit(() => signIn(form.values.username.trim(), form.values.password));
    };
    return () => {
      const t = texts().signIn;
      const next = route.query.get("next");
      return (
        <EntryLayout title={t.title} lead={t.lead}>
          <form class="m-entry-form" novalidate={true} onSubmit={submit}>
            <FormMessage form={form} />
            <TextField field={form.field("username")} label={t.name} autocomplete="username" autofocus={true} required={true} />
            <PasswordField field={form.field("password")} label={t.password} autocomplete="current-password" />
            <QBtn type="submit" unelevated={true} noCaps={true} color="primary" label={t.submit} loading={form.submitting.value} />
          </form>
          {registrationOpen() && (
            <p class="m-muted m-entry-switch">
              {t.noAccount}{" "}
              <a href={"/register" + (next ? `?next=${encodeURIComponent(next)}` : "")} onClick={follow}>{t.register}</a>
            </p>
          )}
        </EntryLayout>
      );
    };
  },
  { name: "SignInPage" },
);
