import { QBtn, QCard, QDialog } from "quasar";
import { defineComponent } from "vue";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { abandon, session, signIn } from "../session/session";
import { mayDiscard } from "../unsaved";
import { FormMessage } from "./FormMessage";
import { PasswordField } from "./PasswordField";
import { TextField } from "./TextField";

/** Asks the user of an interrupted session to sign in again, over the page with the unsaved changes. */
export const SignInAgain = defineComponent(
  () => {
    const form = useForm({ username: session().user?.username ?? "", password: "" }, { disposable: true });
    const submit = (event: Event) => {
      event.preventDefault();
      void form.submit(() => signIn(form.values.username, form.values.password));
    };
    const giveUp = () => void mayDiscard().then((yes) => yes && abandon());
    return () => {
      const t = texts();
      return (
        <QDialog modelValue={true} persistent={true} aria-label={t.signIn.again}>
          <QCard class="m-confirm">
            <form novalidate={true} onSubmit={submit}>
              <h2 class="m-subtitle">{t.signIn.again}</h2>
              <p>{t.signIn.againText}</p>
              <FormMessage form={form} />
              <TextField field={form.field("username")} label={t.signIn.name} autocomplete="username" readonly={true} />
              <PasswordField field={form.field("password")} label={t.signIn.password} autocomplete="current-password" autofocus={true} />
              <footer>
                <QBtn flat={true} noCaps={true} label={t.unsaved.discard} onClick={giveUp} />
                <QBtn type="submit" unelevated={true} noCaps={true} color="primary" label={t.signIn.submit} loading={form.submitting.value} />
              </footer>
            </form>
          </QCard>
        </QDialog>
      );
    };
  },
  { name: "SignInAgain" },
);
