import { defineComponent } from "vue";
import { displayName, User, users } from "../api/users";
import type { Column } from "../components/DataTable";
import { Ellipsis } from "../components/Ellipsis";
import { FilterBar } from "../components/FilterBar";
import { booleanOptions, FilterSelect } from "../components/FilterSelect";
import { ListPage } from "../components/ListPage";
import { RowActions } from "../components/RowActions";
import { useList } from "../composables/useList";
import { useRows } from "../composables/useRows";
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
    const rows = useRows(list, users.remove, (user) => user.username, () => texts().users);

    const actions = (user: User) => (
      <RowActions
        label={user.username}
        onEdit={mayAdminister("accounts.change_user") ? () => rows.edit(user) : undefined}
        onDelete={
          mayAdminister("accounts.delete_user") && user.id !== session().user?.id ? () => void rows.remove(user) : undefined
        }
      />
    );

    const filters = () => {
      const t = texts().users;
      const labels = { is_active: t.active, is_verified: t.verified, is_staff: t.staff, is_superuser: t.superuser };
      return (
        <FilterBar list={list} searchHint={t.searchHint}>
          {flags.map((flag) => (
            <FilterSelect
              key={flag} label={labels[flag]} value={list.filters.value[flag] ?? ""} options={booleanOptions()}
              error={list.filterError(flag)}
              onChange={(value) => list.filter({ [flag]: value })}
            />
          ))}
        </FilterBar>
      );
    };

    return () => {
      const t = texts().users;
      const writable = mayAdminister("accounts.change_user") || mayAdminister("accounts.delete_user");
      const editing = rows.editing.value;
      return (
        <ListPage
          title={t.title} list={list} columns={columns()} empty={{ title: t.none, text: t.noneHint }}
          add={mayAdminister("accounts.add_user") ? { label: t.add, act: rows.add } : undefined} actions={writable ? actions : undefined}
        >
          {{
            filters,
            dialog: () => editing && <UserDialog userID={editing.id} onClosed={rows.close} onSaved={rows.saved} />,
          }}
        </ListPage>
      );
    };
  },
  { name: "UsersPage" },
);
