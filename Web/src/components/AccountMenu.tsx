import { QBtn, QIcon, QItem, QItemLabel, QItemSection, QList, QMenu, QSeparator } from "quasar";
import { defineComponent } from "vue";
import { displayName } from "../api/users";
import { texts } from "../i18n/language";
import { follow } from "../router";
import { session, signOut } from "../session/session";
import { mayDiscard } from "../unsaved";
import { notifyWarning } from "./feedback";

async function leave(): Promise<void> {
  if (!(await mayDiscard())) return;
  if (!(await signOut())) notifyWarning(texts().signedOutHere);
}

export const AccountMenu = defineComponent(
  () => () => {
    const { user } = session();
    if (user === null) return null;
    return (
      <QBtn flat={true} round={true} dense={true} icon="account_circle" aria-label={texts().app.account} title={displayName(user)}>
        <QMenu autoClose={true} anchor="bottom right" self="top right">
          <QList class="m-menu" role="menu">
            <QItem role="none">
              <QItemSection>
                <QItemLabel>{displayName(user)}</QItemLabel>
                <QItemLabel caption={true}>{user.email}</QItemLabel>
              </QItemSection>
            </QItem>
            <QSeparator />
            <QItem role="menuitem" clickable={true} href="/profile" onClick={follow}>
              <QItemSection avatar={true}><QIcon name="person_outline" size="20px" /></QItemSection>
              <QItemSection>{texts().profile.menu}</QItemSection>
            </QItem>
            <QItem role="menuitem" clickable={true} onClick={() => void leave()}>
              <QItemSection avatar={true}><QIcon name="logout" size="20px" /></QItemSection>
              <QItemSection>{texts().signOut}</QItemSection>
            </QItem>
          </QList>
        </QMenu>
      </QBtn>
    );
  },
  { name: "AccountMenu" },
);
