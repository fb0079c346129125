// The part of Vue 3.5 that the console uses. The wheel ships no declarations and the npm registry is out of reach.
declare module "vue" {
  export interface VNode {
    readonly key: string | number | symbol | null;
  }
  export type Child = VNode | string | number | boolean | null | undefined | Child[];

  /** Attributes that Vue hands to the root element of any component. */
  export interface Attributes {
    key?: string | number;
    ref?: Ref<unknown> | ((instance: unknown) => void);
    id?: string;
    class?: unknown;
    style?: unknown;
    role?: string;
    tabindex?: number | string;
    title?: string;
    lang?: string;
    onClick?: (event: MouseEvent) => void;
    onKeydown?: (event: KeyboardEvent) => void;
  }
  export interface Component<Props = {}> {
    new (): { $props: Props & Attributes };
  }

  export interface Ref<T> {
    value: T;
  }
  export interface ComputedRef<T> {
    readonly value: T;
  }
  export function ref<T>(value: T): Ref<T>;
  export function shallowRef<T>(value: T): Ref<T>;
  export function reactive<T extends object>(value: T): T;
  export function shallowReactive<T extends object>(value: T): T;
  export function computed<T>(get: () => T): ComputedRef<T>;

  export function watch<T>(
    source: () => T,
    effect: (value: T, previous: T | undefined) => void,
    options?: { immediate?: boolean; flush?: "pre" | "post" | "sync" },
  ): () => void;
  export function watchEffect(effect: () => void): () => void;
  export function onMounted(hook: () => void): void;
  export function onUnmounted(hook: () => void): void;
  export function nextTick(): Promise<void>;

  export type Slots = Record<string, ((scope?: unknown) => VNode[]) | undefined>;
  /** `props` repeats the names of `Props`, because types are gone at run time. */
  export function defineComponent<Props = {}>(
    setup: (props: Props, context: { slots: Slots }) => () => Child,
    options: { name: string; props?: (keyof Props & string)[]; inheritAttrs?: boolean },
  ): Component<Props>;

  export const Fragment: Component;
  export function h(type: unknown, props?: object | null, children?: unknown): VNode;
  export function isVNode(value: unknown): value is VNode;

  export interface App {
    use(plugin: unknown, options?: object): App;
    mount(selector: string): void;
    config: { errorHandler?: (error: unknown) => void };
  }
  export function createApp(root: Component): App;
}
