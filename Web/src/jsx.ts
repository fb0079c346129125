import { Child, Fragment, h, isVNode, VNode } from "vue";

/** The function that TSX compiles to. esbuild injects it into every file. Children of a component become its slots. */
export function jsx(type: unknown, props: object | null, ...children: unknown[]): VNode {
  if (typeof type === "string" || type === Fragment) return h(type, props, children);
  const [only] = children;
  if (children.length === 1 && isSlots(only)) return h(type, props, only);
  return h(type, props, children.length > 0 ? { default: () => children } : undefined);
}

function isSlots(value: unknown): value is Record<string, (scope: never) => Child> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isVNode(value);
}

export { Fragment };
