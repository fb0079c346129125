import { QBtn } from "quasar";
import { defineComponent, onMounted } from "vue";
import * as auth from "../api/auth";
import { Problem } from "../api/problem";
import { EntryLayout } from "../components/EntryLayout";
import { FormMessage } from "../components/FormMessage";
import { NameFields } from "../components/NameFields";
import { PasswordField } from "../components/PasswordField";
import { TextField } from "../components/TextField";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { follow } from "../router";
import { askWhetherRegistrationIsOpen, closeRegistration, registrationOpen } from "../session/registration";
import { signIn } from "../session/session";

export const RegisterPage = defineComponent(
  () => {
    const form = useForm({ email: "", username: "", first_name: "", last_name: "", password: "" });
    onMounted(() => void askWhetherRegistrationIsOpen());
    const submit = (event: Event) => {
      event.preventDefault();
      void form.submit(async () => {
        const registration = { ...form.values, email: form.values.email.trim(), username: form.values.username.trim() };
        try {
          await auth.register(registration);
        } catch (error) {
          if (error instanceof Problem && error.code === "registration_closed") closeRegistration();
          throw error;
        }
        await signIn(registration.email, registration.password);
      });
    };
    return () => {
      const t = texts();
      const open = registrationOpen();
      return (
        <EntryLayout title={t.register.title} lead={open === false ? t.register.closedLead : t.register.lead}>
          {open !== false && <form class="m-entry-form" novalidate={true} onSubmit={submit}>
            <FormMessage form={form} />
            <TextField field={form.field("email")} label={t.users.email} type="email" autocomplete="email" autofocus={true} required={true} />
            <TextField field={form.field("username")} label={t.users.username} autocomplete="username" required={true} />
            <NameFields firstName={form.field("first_name")} lastName={form.field("last_name")} />
            <PasswordField field={form.field("password")} label={t.users.password} autocomplete="new-password" />
            <QBtn type="submit" unelevated={true} noCaps={true} color="primary" label={t.register.submit} loading={form.submitting.value} />
          </form>}
          <p class="m-muted m-entry-switch">
            {t.register.haveAccount} <a href="/login" onClick={follow}>{t.register.signIn}</a>
          </p>
        </EntryLayout>
      );
    };
  },
  { name: "RegisterPage" },
);
