import { QBtn } from "quasar";
import { defineComponent } from "vue";
import * as auth from "../api/auth";
import { EntryLayout } from "../components/EntryLayout";
import { FormMessage } from "../components/FormMessage";
import { NameFields } from "../components/NameFields";
import { PasswordField } from "../components/PasswordField";
import { TextField } from "../components/TextField";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { follow } from "../router";
import { signIn } from "../session/session";

export const RegisterPage = defineComponent(
  () => {
    const form = useForm({ email: "", username: "", first_name: "", last_name: "", password: "" });
    const submit = (event: Event) => {
      event.preventDefault();
      void form.submit(async () => {
        const registration = { ...form.values, email: form.values.email.trim(), username: form.values.username.trim() };
        await auth.register(registration);
        await signIn(registration.email, registration.password);
      });
    };
    return () => {
      const t = texts();
      return (
        <EntryLayout title={t.register.title} lead={t.register.lead}>
          <form class="m-entry-form" novalidate={true} onSubmit={submit}>
            <FormMessage form={form} />
            <TextField field={form.field("email")} label={t.users.email} type="email" autocomplete="email" autofocus={true} required={true} />
            <TextField field={form.field("username")} label={t.users.username} autocomplete="username" required={true} />
            <NameFields firstName={form.field("first_name")} lastName={form.field("last_name")} />
            <PasswordField field={form.field("password")} label={t.users.password} autocomplete="new-password" />
            <QBtn type="submit" unelevated={true} noCaps={true} color="primary" label={t.register.submit} loading={form.submitting.value} />
          </form>
          <p class="m-muted m-entry-switch">
            {t.register.haveAccount} <a href="/login" onClick={follow}>{t.register.signIn}</a>
          </p>
        </EntryLayout>
      );
    };
  },
  { name: "RegisterPage" },
);
