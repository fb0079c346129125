import { QToggle } from "quasar";
import { defineComponent } from "vue";
import { User, UserInput, users } from "../api/users";
import { notifyDone } from "../components/feedback";
import { FormDialog } from "../components/FormDialog";
import { NameFields } from "../components/NameFields";
import { PasswordField } from "../components/PasswordField";
import { PermissionsField } from "../components/PermissionsField";
import { TextField } from "../components/TextField";
import { useEditor } from "../composables/useEditor";
import { useForm } from "../composables/useForm";
import { texts } from "../i18n/language";
import { session } from "../session/session";

const blank = {
  email: "", username: "", password: "", first_name: "", last_name: "", phone: "", department: "", position: "",
  is_active: true, is_verified: false, is_staff: false, is_superuser: false, permissions: [] as string[],
};

function toValues(user: User): typeof blank {
  return { ...user, permissions: [...user.permissions], password: "" };
}

export const UserDialog = defineComponent(
  (props: { userID: number | null; onClosed: () => void; onSaved: (user: User) => void }) => {
    const id = props.userID;
    const form = useForm(blank);
    const editor = useEditor(form, id === null ? null : () => users.find(id), toValues);
    const full = () => session().user?.is_superuser === true;

    function input(): UserInput {
      const names = Object.keys(blank) as (keyof typeof blank)[];
      const privileged = ["is_staff", "is_superuser", "permissions"];
      const sent = names.filter(
        (name) =>
          (full() || !privileged.includes(name)) && (id === null || name !== "password" || form.values.password !== ""),
      );
      return Object.fromEntries(sent.map((name) => [name, form.values[name]])) as unknown as UserInput;
    }

    const save = (close: () => void) =>
      form.submit(async () => {
        const { body: saved } = id === null
          ? await users.create(input())
          : await users.update(id, input(), editor.etag());
        const t = texts().users;
        notifyDone(id === null ? t.created(saved.username) : t.saved(saved.username));
        props.onSaved(saved);
        close();
      });

    const toggle = (name: "is_active" | "is_verified" | "is_staff" | "is_superuser", label: string) => {
      const { modelValue, "onUpdate:modelValue": update } = form.field(name);
      return <QToggle label={label} modelValue={modelValue} onUpdate:modelValue={update} />;
    };

    return () => {
      const t = texts().users;
      return (
        <FormDialog
          title={id === null ? t.createTitle : t.editTitle} form={form}
          submitLabel={id === null ? texts().actions.create : texts().actions.save}
          loading={editor.loading.value} loadProblem={editor.problem.value}
          onSubmit={(close) => void save(close)} onReload={() => void editor.load()} onClosed={props.onClosed}
        >
          <TextField field={form.field("email")} label={t.email} type="email" autofocus={true} required={true} />
          <TextField field={form.field("username")} label={t.username} required={true} />
          <PasswordField
            class="m-wide" field={form.field("password")} autocomplete="new-password"
            label={id === null ? t.password : t.newPassword} hint={id === null ? undefined : t.newPasswordHint}
          />
          <NameFields firstName={form.field("first_name")} lastName={form.field("last_name")} />
          <TextField field={form.field("department")} label={t.department} />
          <TextField field={form.field("position")} label={t.position} />
          <TextField field={form.field("phone")} label={t.phone} type="tel" />
          <div class="m-wide m-toggles">
            {toggle("is_active", t.active)}
            {toggle("is_verified", t.verified)}
            {full() && toggle("is_staff", t.staff)}
            {full() && toggle("is_superuser", t.superuser)}
          </div>
          {full() && <PermissionsField field={form.field("permissions")} />}
        </FormDialog>
      );
    };
  },
  { name: "UserDialog", props: ["userID", "onClosed", "onSaved"] },
);
