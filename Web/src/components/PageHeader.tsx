import { defineComponent } from "vue";

/** A page's heading, with its main action in the slot. */
export const PageHeader = defineComponent(
  (props: { title: string }, { slots }) =>
    () => (
      <div class="m-page-header">
        <h1 class="m-title">{props.title}</h1>
        {slots.default?.()}
      </div>
    ),
  { name: "PageHeader", props: ["title"] },
);
