import { QBtn, QDrawer, QHeader, QLayout, QPage, QPageContainer, QSpace, QToolbar, Screen } from "quasar";
import { defineComponent, ref, watch } from "vue";
import { texts } from "../i18n/language";
import { follow, route } from "../router";
import { AccountMenu } from "./AccountMenu";
import { Logo } from "./Logo";
import { Navigation } from "./Navigation";
import { SettingsMenu } from "./SettingsMenu";

/** The frame of every page of a signed-in user. */
export const AppShell = defineComponent(
  (_props: {}, { slots }) => {
    const open = ref(false);
    // On phones, close the drawer, which covers the chosen page.
    watch(() => route.path, () => {
      if (Screen.lt.md) open.value = false;
    });
    const skip = (event: MouseEvent) => {
      event.preventDefault();
      document.querySelector<HTMLElement>("main")?.focus();
    };
    return () => (
      <QLayout view="hHh LpR fFf">
        <QHeader class="m-header">
          <a href="#content" class="m-skip" onClick={skip}>{texts().app.skip}</a>
          <QToolbar>
            <QBtn
              flat={true} round={true} dense={true} icon="menu" class="m-nav-toggle"
              aria-label={texts().app.openNavigation} aria-expanded={String(open.value)} onClick={() => (open.value = !open.value)}
            />
            <a href="/" class="m-home" onClick={follow}><Logo /></a>
            <QSpace />
            <SettingsMenu />
            <AccountMenu />
          </QToolbar>
        </QHeader>
        <QDrawer
          modelValue={open.value} onUpdate:modelValue={(value) => (open.value = value)}
          showIfAbove={true} bordered={true} width={232} breakpoint={1023} class="m-drawer"
        >
          <Navigation />
        </QDrawer>
        <QPageContainer>
          <QPage id="content" tabindex={-1}>
            <div class="m-content">{slots.default?.()}</div>
          </QPage>
        </QPageContainer>
      </QLayout>
    );
  },
  { name: "AppShell" },
);
