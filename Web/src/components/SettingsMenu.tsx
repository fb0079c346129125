import { QBtn, QIcon, QItem, QItemSection, QList, QMenu } from "quasar";
import { defineComponent } from "vue";
import { choices, language, setLanguage, texts } from "../i18n/language";
import { setTheme, theme, themes } from "../theme";

interface Choice {
  id: string;
  label: string;
  lang?: string;
  selected: boolean;
  choose: () => void;
}

/** A toolbar button that opens a list of choices. */
const ChoiceMenu = defineComponent(
  (props: { icon: string; label: string; choices: Choice[] }) => () => (
    <QBtn flat={true} round={true} dense={true} icon={props.icon} aria-label={props.label} title={props.label}>
      <QMenu autoClose={true} anchor="bottom right" self="top right">
        <QList class="m-menu" role="menu" aria-label={props.label}>
          {props.choices.map((choice) => (
            <QItem
              key={choice.id} clickable={true} role="menuitemradio" aria-checked={String(choice.selected)}
              lang={choice.lang} onClick={choice.choose}
            >
              <QItemSection>{choice.label}</QItemSection>
              <QItemSection side={true}>{choice.selected && <QIcon name="check" size="18px" color="primary" />}</QItemSection>
            </QItem>
          ))}
        </QList>
      </QMenu>
    </QBtn>
  ),
  { name: "ChoiceMenu", props: ["icon", "label", "choices"] },
);

/** Language and appearance, with or without a session. */
export const SettingsMenu = defineComponent(
  () => () => (
    <span class="m-toolbar-group">
      <ChoiceMenu
        icon="translate" label={texts().app.language}
        choices={choices.map(({ id, name }) => ({
          id, label: name, lang: id, selected: id === language(), choose: () => setLanguage(id),
        }))}
      />
      <ChoiceMenu
        icon="contrast" label={texts().app.theme}
        choices={themes.map((id) => ({
          id, label: texts().app.themes[id], selected: id === theme(), choose: () => setTheme(id),
        }))}
      />
    </span>
  ),
  { name: "SettingsMenu" },
);
