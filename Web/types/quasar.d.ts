// The part of Quasar 2.18 that the console uses: the components with the props we set, and the plugins.
declare module "quasar" {
  import type { Component, VNode } from "vue";

  type Size = "xs" | "sm" | "md" | "lg" | "xl" | string;

  export const QLayout: Component<{ view?: string }>;
  export const QHeader: Component<{ bordered?: boolean }>;
  export const QToolbar: Component;
  export const QDrawer: Component<{
    modelValue: boolean;
    "onUpdate:modelValue": (open: boolean) => void;
    showIfAbove?: boolean;
    bordered?: boolean;
    width?: number;
    breakpoint?: number;
    side?: "left" | "right";
  }>;
  export const QPageContainer: Component;
  export const QPage: Component;
  export const QSpace: Component;
  export const QSeparator: Component<{ spaced?: boolean; inset?: boolean; vertical?: boolean }>;
  export const QCard: Component<{ flat?: boolean; bordered?: boolean }>;
  export const QIcon: Component<{ name: string; size?: Size; color?: string }>;
  export const QSpinner: Component<{ size?: Size; color?: string }>;
  export const QBanner: Component<{ dense?: boolean; rounded?: boolean; inlineActions?: boolean }>;
  export const QTooltip: Component<{ delay?: number }>;

  export interface ButtonProps {
    label?: string;
    icon?: string;
    iconRight?: string;
    color?: string;
    textColor?: string;
    flat?: boolean;
    outline?: boolean;
    unelevated?: boolean;
    round?: boolean;
    dense?: boolean;
    noCaps?: boolean;
    size?: Size;
    padding?: string;
    type?: "button" | "submit";
    href?: string;
    loading?: boolean;
    disable?: boolean;
  }
  export const QBtn: Component<ButtonProps>;

  export const QMenu: Component<{ anchor?: string; self?: string; autoClose?: boolean }>;
  export const QList: Component<{ padding?: boolean; dense?: boolean; separator?: boolean; bordered?: boolean }>;
  export const QItem: Component<{
    clickable?: boolean;
    active?: boolean;
    activeClass?: string;
    href?: string;
    target?: string;
    dense?: boolean;
  }>;
  export const QItemSection: Component<{ avatar?: boolean; side?: boolean }>;
  export const QItemLabel: Component<{ caption?: boolean; header?: boolean; lines?: number }>;

  export interface FieldProps {
    label?: string;
    hint?: string;
    outlined?: boolean;
    dense?: boolean;
    clearable?: boolean;
    readonly?: boolean;
    disable?: boolean;
    loading?: boolean;
    error?: boolean;
    errorMessage?: string;
    noErrorIcon?: boolean;
    hideBottomSpace?: boolean;
    bottomSlots?: boolean;
    stackLabel?: boolean;
    prefix?: string;
    for?: string;
  }
  export const QInput: Component<
    FieldProps & {
      modelValue: string | number | null;
      "onUpdate:modelValue"?: (value: string | number | null) => void;
      type?: "text" | "password" | "email" | "search" | "url" | "tel" | "textarea" | "number";
      debounce?: number;
      autogrow?: boolean;
      autofocus?: boolean;
      mask?: string;
      autocomplete?: string;
      inputmode?: string;
      maxlength?: number;
      name?: string;
      spellcheck?: boolean;
    }
  >;
  export interface SelectOption {
    label: string;
    value: string | null;
  }
  export const QSelect: Component<
    FieldProps & {
      modelValue: unknown;
      "onUpdate:modelValue": (value: any) => void;
      options: readonly (string | SelectOption)[];
      emitValue?: boolean;
      mapOptions?: boolean;
      multiple?: boolean;
      useChips?: boolean;
      useInput?: boolean;
      fillInput?: boolean;
      hideSelected?: boolean;
      hideDropdownIcon?: boolean;
      inputDebounce?: number;
      newValueMode?: "add-unique";
      optionsDense?: boolean;
      behavior?: "default" | "menu" | "dialog";
      onInputValue?: (typed: string) => void;
      onFilter?: (typed: string, update: (apply: () => void, then?: () => void) => void, abort: () => void) => void;
    }
  >;
  /** What a ref to a QSelect gives. */
  export interface SelectHandle {
    /** -1 when none is highlighted. */
    setOptionIndex(index: number): void;
    getOptionIndex(): number;
    hidePopup(): void;
    updateInputValue(text: string, noFilter?: boolean): void;
  }
  export interface SelectOptionScope {
    opt: string;
    index: number;
    itemProps: object;
  }
  export const QToggle: Component<{
    modelValue: boolean;
    "onUpdate:modelValue": (value: boolean) => void;
    label?: string;
    disable?: boolean;
    dense?: boolean;
  }>;
  export const QDate: Component<{
    modelValue: string | null;
    "onUpdate:modelValue": (value: string | null) => void;
    mask?: string;
    minimal?: boolean;
    defaultYearMonth?: string;
    navigationMaxYearMonth?: string;
    options?: (date: string) => boolean;
    defaultView?: "Calendar" | "Months" | "Years";
  }>;
  export const QPopupProxy: Component<{ transitionShow?: string; transitionHide?: string }>;

  export const QDialog: Component<{
    modelValue: boolean;
    "onUpdate:modelValue"?: (open: boolean) => void;
    onHide?: () => void;
    /** Neither Escape nor a click beside it closes it. */
    persistent?: boolean;
    maximized?: boolean;
  }>;

  export interface TableColumn {
    name: string;
    label: string;
    field: (row: any) => unknown;
    align?: "left" | "right" | "center";
    sortable?: boolean;
    classes?: string;
    headerClasses?: string;
  }
  export interface TablePagination {
    page: number;
    rowsPerPage: number;
    rowsNumber?: number;
    sortBy: string | null;
    descending: boolean;
  }
  export const QTable: Component<{
    rows: readonly unknown[];
    columns: TableColumn[];
    rowKey: string;
    loading?: boolean;
    grid?: boolean;
    flat?: boolean;
    bordered?: boolean;
    binaryStateSort?: boolean;
    hideNoData?: boolean;
    pagination: TablePagination;
    /** Without a listener Quasar keeps a pagination of its own and ignores ours. */
    "onUpdate:pagination": () => void;
    tableRowClassFn?: (row: any) => string;
    onRequest: (request: { pagination: TablePagination }) => void;
  }>;
  export interface HeaderCellScope {
    col: TableColumn;
    sort(column: TableColumn): void;
  }
  export interface CellScope<Row> {
    row: Row;
    col: TableColumn;
    value: unknown;
  }
  export const QTh: Component<{ props: HeaderCellScope }>;
  export const QTd: Component<{ props: CellScope<any> }>;

  export const Screen: { lt: { sm: boolean; md: boolean }; gt: { sm: boolean }; width: number };
  export const Dark: { readonly isActive: boolean; set(mode: boolean | "auto"): void };
  export interface LanguagePack {
    isoName: string;
  }
  export const Lang: { set(pack: LanguagePack): void; enUS: LanguagePack; zhCN: LanguagePack };
  export const Notify: {
    create(options: { message: string; caption?: string; type?: "positive" | "negative" | "warning"; timeout?: number }): void;
    setDefaults(options: object): void;
  };
  export const QuasarPlugin: unknown;
  export type { VNode };
}
