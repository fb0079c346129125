import { QIcon, QItem, QItemSection, QList, QSeparator } from "quasar";
import { defineComponent } from "vue";
import { texts } from "../i18n/language";
import { follow, route } from "../router";
import { Entry, navigation } from "../routes";
import { FontIcon } from "./FontIcon";

export const Navigation = defineComponent(
  () => {
    const link = ({ path, icon, label }: Entry) => (
      <QItem
        key={path} role="link" clickable={true} href={path} class="m-nav-item" active={route.path === path} activeClass="m-nav-active"
        aria-current={route.path === path ? "page" : undefined} onClick={follow}
      >
        <QItemSection avatar={true}><FontIcon name={icon} size="20px" /></QItemSection>
        <QItemSection>{label}</QItemSection>
      </QItem>
    );
    return () => (
      <nav aria-label={texts().app.navigation}>
        <QList padding={true} role="none">
          {navigation().map(link)}
          <QSeparator spaced={true} />
          <QItem role="link" clickable={true} href="/docs" target="_blank" class="m-nav-item">
            <QItemSection avatar={true}><QIcon name="menu_book" size="20px" /></QItemSection>
            <QItemSection>{texts().app.documentation}</QItemSection>
            <QItemSection side={true}><QIcon name="open_in_new" size="16px" /></QItemSection>
          </QItem>
        </QList>
      </nav>
    );
  },
  { name: "Navigation" },
);
