import { Child, defineComponent } from "vue";

/** Text of any length in a place of limited width: what does not fit is cut off, and told on hover. */
export const Ellipsis = defineComponent(
  (props: { text: string }) => () => <span class="m-ellipsis" title={props.text}>{props.text}</span>,
  { name: "Ellipsis", props: ["text"] },
);

/** A cell's content, with text in an `Ellipsis`. */
export function fitted(value: Child): Child {
  return typeof value === "string" ? <Ellipsis text={value} /> : value;
}
