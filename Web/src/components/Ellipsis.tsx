import { Child, defineComponent } from "vue";

/** Text cut off with an ellipsis if it does not fit. The whole text appears on hover. */
export const Ellipsis = defineComponent(
  (props: { text: string }) => () => <span class="m-ellipsis" title={props.text}>{props.text}</span>,
  { name: "Ellipsis", props: ["text"] },
);

/** A cell's content, with text in an `Ellipsis`. */
export function fitted(value: Child): Child {
  return typeof value === "string" ? <Ellipsis text={value} /> : value;
}
