import { QBtn, QCard } from "quasar";
import { defineComponent, onMounted, ref, shallowRef } from "vue";
import * as auth from "../api/auth";
import { Problem } from "../api/problem";
import type { User } from "../api/users";
import { DateField } from "../components/DateField";
import { ErrorState } from "../components/ErrorState";
import { notifyDone } from "../components/feedback";
import { FormMessage } from "../components/FormMessage";
import { NameFields } from "../components/NameFields";
import { PageHeader } from "../components/PageHeader";
import { TextField } from "../components/TextField";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { updateUser } from "../session/session";
import { PasswordCard } from "./PasswordCard";

// The names match those in the API's errors, so that a nested error finds its input.
const blank = {
  username: "", first_name: "", last_name: "", phone: "", department: "", position: "",
  "profile.bio": "", "profile.birth_date": "", "profile.location": "", "profile.website": "",
};

function toValues(user: User): typeof blank {
  const { username, first_name, last_name, phone, department, position, profile } = user;
  return {
    username, first_name, last_name, phone, department, position,
    "profile.bio": profile.bio,
    "profile.birth_date": profile.birth_date ?? "",
    "profile.location": profile.location,
    "profile.website": profile.website,
  };
}

function toDetails(values: typeof blank): auth.OwnDetails {
  const { username, first_name, last_name, phone, department, position } = values;
  return {
    username, first_name, last_name, phone, department, position,
    profile: {
      bio: values["profile.bio"],
      birth_date: values["profile.birth_date"] || null,
      location: values["profile.location"],
      website: values["profile.website"].trim(),
    },
  };
}

export const ProfilePage = defineComponent(
  () => {
    const form = useForm(blank);
    const ready = ref(false);
    const problem = shallowRef<Problem | null>(null);

    async function load(): Promise<void> {
      problem.value = null;
      try {
        form.reset(toValues(await auth.readOwnDetails()));
        ready.value = true;
      } catch (error) {
        problem.value = Problem.from(error);
      }
    }
    onMounted(() => void load());

    const save = (event: Event) => {
      event.preventDefault();
      void form.submit(async () => {
        const user = await auth.changeOwnDetails(toDetails(form.values));
        updateUser(user);
        form.reset(toValues(user));
        notifyDone(texts().profile.saved);
      });
    };

    return () => {
      const t = texts();
      if (problem.value) return <ErrorState problem={problem.value} onRetry={() => void load()} />;
      if (!ready.value) return <div class="m-notice m-muted" role="status">{t.app.loading}</div>;
      return (
        <div class="m-narrow-page">
          <PageHeader title={t.profile.title} />
          <QCard flat={true} bordered={true} class="m-card">
            <form novalidate={true} onSubmit={save}>
              <FormMessage form={form} />
              <h2 class="m-subtitle">{t.profile.details}</h2>
              <div class="m-fields">
                <NameFields firstName={form.field("first_name")} lastName={form.field("last_name")} />
                <TextField field={form.field("username")} label={t.users.username} autocomplete="username" required={true} />
                <TextField field={form.field("phone")} label={t.users.phone} type="tel" autocomplete="tel" />
                <TextField field={form.field("department")} label={t.users.department} />
                <TextField field={form.field("position")} label={t.users.position} />
              </div>
              <h2 class="m-subtitle">{t.profile.about}</h2>
              <div class="m-fields">
                <DateField field={form.field("profile.birth_date")} label={t.profile.birthDate} />
                <TextField field={form.field("profile.location")} label={t.profile.location} />
                <TextField class="m-wide" field={form.field("profile.website")} label={t.profile.website} type="url" autocomplete="url" />
                <TextField field={form.field("profile.bio")} label={t.profile.bio} type="textarea" />
              </div>
              <QBtn type="submit" unelevated={true} noCaps={true} color="primary" label={t.actions.save} loading={form.submitting.value} />
            </form>
          </QCard>
          <PasswordCard />
        </div>
      );
    };
  },
  { name: "ProfilePage" },
);
