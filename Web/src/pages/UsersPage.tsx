import { QBtn } from "quasar";
import { defineComponent, ref } from "vue";
import { displayName, User, users } from "../api/users";
import { Column, DataTable } from "../components/DataTable";
import { confirmDeletion, notifyDone, notifyProblem } from "../components/feedback";
import { Ellipsis } from "../components/Ellipsis";
import { FilterBar } from "../components/FilterBar";
import { booleanOptions, FilterSelect } from "../components/FilterSelect";
import { PageHeader } from "../components/PageHeader";
import { RowActions } from "../components/RowActions";
import { useList } from "../composables/useList";
import { focusRowAction } from "../focus";
import { formatDate, formatTime } from "../i18n/format";
import { texts } from "../i18n/language";
import { mayAdminister, session } from "../session/session";
import { UserDialog } from "./UserDialog";

const flags = ["is_active", "is_verified", "is_staff", "is_superuser"] as const;

function columns(): Column<User>[] {
  const t = texts().users;
  return [
    {
      name: "name", label: t.name, ordering: "username",
      cell: (user) => (
        <span class="m-two-lines">
          <Ellipsis class="m-row-name" text={displayName(user)} />
          {displayName(user) !== user.username && <Ellipsis class="m-muted" text={user.username} />}
        </span>
      ),
    },
    { name: "email", label: t.email, ordering: "email", cell: (user) => user.email },
    { name: "department", label: t.department, ordering: "department", cell: (user) => user.department || "—" },
    {
      name: "status", label: t.status,
      cell: (user) => (
        <span class="m-badges">
          <span class={["m-badge", user.is_active ? "m-badge-ok" : "m-badge-warn"]}>{user.is_active ? t.active : t.inactive}</span>
          {(user.is_superuser || user.is_staff) && <span class="m-badge">{user.is_superuser ? t.superuser : t.staff}</span>}
        </span>
      ),
    },
    {
      name: "last_login", label: t.lastLogin, ordering: "last_login",
      cell: (user) => (user.last_login ? formatTime(user.last_login) : t.never),
    },
    { name: "created_at", label: t.joined, ordering: "created_at", cell: (user) => formatDate(user.created_at) },
  ];
}

export const UsersPage = defineComponent(
  () => {
    const list = useList("/users", ["search", ...flags], users.list);
    const editing = ref<number | "new" | null>(null);

    async function remove(user: User): Promise<void> {
      const t = texts().users;
      const place = list.items.value.indexOf(user);
      if (!(await confirmDeletion(t.deleteTitle, t.deleteText(user.username)))) return;
      try {
        await users.remove(user.id);
        notifyDone(texts().users.deleted(user.username));
      } catch (error) {
        notifyProblem(error);
      }
      await list.reload();
      focusRowAction(place);
    }

    const actions = (user: User) => (
      <RowActions
        label={user.username}
        onEdit={mayAdminister("accounts.change_user") ? () => (editing.value = user.id) : undefined}
        onDelete={
          mayAdminister("accounts.delete_user") && user.id !== session().user?.id ? () => void remove(user) : undefined
        }
      />
    );

    return () => {
      const t = texts().users;
      const labels = { is_active: t.active, is_verified: t.verified, is_staff: t.staff, is_superuser: t.superuser };
      const writable = mayAdminister("accounts.change_user") || mayAdminister("accounts.delete_user");
      return (
        <>
          <PageHeader title={t.title}>
            {mayAdminister("accounts.add_user") && (
              <QBtn unelevated={true} noCaps={true} color="primary" icon="add" label={t.add} onClick={() => (editing.value = "new")} />
            )}
          </PageHeader>
          <FilterBar list={list} searchHint={t.searchHint}>
            {flags.map((flag) => (
              <FilterSelect
                key={flag} label={labels[flag]} value={list.filters.value[flag] ?? ""} options={booleanOptions()}
                error={list.filterError(flag)}
                onChange={(value) => list.filter({ [flag]: value })}
              />
            ))}
          </FilterBar>
          <DataTable list={list} columns={columns()} empty={{ title: t.none, text: t.noneHint }} actions={writable ? actions : undefined} />
          {editing.value !== null && (
            <UserDialog
              userID={editing.value === "new" ? null : editing.value}
              onClosed={() => (editing.value = null)} onSaved={(user) => void list.reveal(user)}
            />
          )}
        </>
      );
    };
  },
  { name: "UsersPage" },
);
