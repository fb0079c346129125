import { QIcon } from "quasar";
import { defineComponent } from "vue";

/** A message in place of content, such as an empty list, an error or a missing page. Its slot holds actions. */
export const Notice = defineComponent(
  (props: { icon: string; title: string; text: string; alert?: boolean; heading?: boolean }, { slots }) =>
    () => (
      <div class="m-notice" role={props.alert ? "alert" : undefined}>
        <QIcon name={props.icon} size="40px" class="m-muted" />
        {props.heading ? <h1 class="m-title">{props.title}</h1> : <p class="m-notice-title">{props.title}</p>}
        <p class="m-muted">{props.text}</p>
        {slots.default?.()}
      </div>
    ),
  { name: "Notice", props: ["icon", "title", "text", "alert", "heading"] },
);
