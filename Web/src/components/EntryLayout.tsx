import { QCard } from "quasar";
import { defineComponent } from "vue";
import { Logo } from "./Logo";
import { SettingsMenu } from "./SettingsMenu";

/** The frame of the pages for visitors. */
export const EntryLayout = defineComponent(
  (props: { title: string; lead: string }, { slots }) =>
    () => (
      <div class="m-entry">
        <header><Logo /><SettingsMenu /></header>
        <main>
          <QCard flat={true} bordered={true} class="m-entry-card">
            <h1 class="m-title">{props.title}</h1>
            <p class="m-muted">{props.lead}</p>
            {slots.default?.()}
          </QCard>
        </main>
      </div>
    ),
  { name: "EntryLayout", props: ["title", "lead"] },
);
