// TSX in Vue's terms: an element is a VNode, a component's props are `$props`. Children are not part of the props.
declare namespace JSX {
  type Element = import("vue").VNode;
  interface ElementClass {
    $props: object;
  }
  interface ElementAttributesProperty {
    $props: object;
  }
  interface IntrinsicElements {
    [tag: string]: import("vue").Attributes & { [attribute: string]: unknown };
  }
}

// Injected into every file by esbuild.
declare const jsx: typeof import("../src/jsx").jsx;
declare const Fragment: typeof import("../src/jsx").Fragment;
