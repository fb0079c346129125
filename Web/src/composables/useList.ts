import { computed, onUnmounted, ref, shallowRef, watch } from "vue";
import type { ComputedRef, Ref } from "vue";
import type { Page, Query } from "../api/page";
import { FieldError, isAbort, Problem } from "../api/problem";
import { navigate, route } from "../router";

export const PAGE_SIZES = [10, 20, 50, 100] as const;
const PAGE_SIZE = 20;

/** A server-side list. Its search, filters, order and page are kept in the page's URL. */
export interface List<T> {
  items: Ref<readonly T[]>;
  total: Ref<number>;
  /** The position of the items shown: while the next page is loading, that of the previous one. */
  shown: ComputedRef<{ first: number; page: number; size: number }>;
  /** The item just created or changed, to be highlighted. */
  revealed: Ref<number | null>;
  loading: Ref<boolean>;
  problem: Ref<Problem | null>;
  page: ComputedRef<number>;
  pageSize: ComputedRef<number>;
  ordering: ComputedRef<string>;
  /** Search and filters by their API names; "" if not set. */
  filters: ComputedRef<Query>;
  filtered: ComputedRef<boolean>;
  /** The API's error for the value of a filter. */
  filterError(name: string): FieldError | undefined;
  /** Changes search or filters, and returns to the first page. */
  filter(changes: Query): void;
  clearFilters(): void;
  turn(to: { page: number; pageSize: number; ordering: string }): void;
  /** Whether the API rejects the order or the page, which no filter can show. */
  viewError: ComputedRef<boolean>;
  /** Restores the default order and paging. */
  resetView(): void;
  reload(): Promise<void>;
  /** Reloads the list and shows `item`, at the top if it is not on the page. */
  reveal(item: T): Promise<void>;
}

const VIEW = ["ordering", "page", "page_size"];

export function useList<T extends { id: number }>(
  path: string,
  filterNames: readonly string[],
  load: (query: Query, signal: AbortSignal) => Promise<Page<T>>,
): List<T> {
  const items = shallowRef<readonly T[]>([]);
  const total = ref(0);
  const revealed = ref<number | null>(null);
  const position = shallowRef({ skip: 0, limit: PAGE_SIZE });
  const shown = computed(() => {
    const { skip, limit } = position.value;
    return { first: skip, page: Math.floor(skip / limit) + 1, size: limit };
  });
  const loading = ref(true);
  const problem = shallowRef<Problem | null>(null);

  const page = computed(() => Math.max(1, Number(route.query.get("page")) || 1));
  const pageSize = computed(() => Number(route.query.get("page_size")) || PAGE_SIZE);
  const ordering = computed(() => route.query.get("ordering") ?? "");
  const filters = computed(() => Object.fromEntries(filterNames.map((name) => [name, route.query.get(name) ?? ""])));
  const filtered = computed(() => Object.values(filters.value).some((value) => value !== ""));

  function filterError(name: string): FieldError | undefined {
    return problem.value?.errors.find(({ loc }) => loc[0] === "query" && loc[1] === name);
  }

  const viewError = computed(() => problem.value?.errors.some(({ loc }) => loc[0] === "query" && VIEW.includes(loc[1] as string)) ?? false);

  let running = new AbortController();

  async function reload(extra?: T): Promise<void> {
    running.abort();
    const { signal } = (running = new AbortController());
    loading.value = true;
    const place = { page: String(page.value), page_size: String(pageSize.value), ordering: ordering.value };
    try {
      const answer = await load({ ...filters.value, ...place }, signal);
      if (signal.aborted) return;
      const lastPage = Math.max(1, Math.ceil(answer.total / pageSize.value));
      // After the last row of the last page is deleted, the URL points past the end.
      if (page.value > lastPage) return show({ page: lastPage }, true);
      const missing = extra !== undefined && !answer.items.some(({ id }) => id === extra.id);
      items.value = missing ? [extra, ...answer.items] : answer.items;
      revealed.value = extra?.id ?? null;
      total.value = answer.total;
      position.value = { skip: answer.skip, limit: answer.limit };
      problem.value = null;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      problem.value = Problem.from(error);
    }
    loading.value = false;
  }

  function show(changes: Record<string, string | number>, replace: boolean): void {
    const query = new URLSearchParams(route.query);
    for (const [name, value] of Object.entries(changes)) {
      const isDefault = (name === "page" && value === 1) || (name === "page_size" && value === PAGE_SIZE);
      if (value === "" || isDefault) query.delete(name);
      else query.set(name, String(value));
    }
    navigate(query.toString() === "" ? path : `${path}?${query}`, { replace, unasked: true });
  }

  function filter(changes: Query): void {
    // Refining a search is one history entry. Starting or clearing one is a separate entry.
    const refining = Object.entries(changes).every(([name, value]) => value !== "" && filters.value[name] !== "");
    show({ ...changes, page: 1 }, refining);
  }

  watch(
    () => (route.path === path ? route.query.toString() : null),
    (query) => {
      if (query !== null) void reload();
    },
    { immediate: true },
  );
  onUnmounted(() => running.abort());

  return {
    items, total, shown, revealed, loading, problem, page, pageSize, ordering, filters, filtered, filterError, viewError, filter,
    reload: () => reload(),
    reveal: (item) => reload(item),
    resetView: () => show(Object.fromEntries(VIEW.map((name) => [name, ""])), true),
    clearFilters: () => filter(Object.fromEntries(filterNames.map((name) => [name, ""]))),
    turn: (to) => show({ page: to.page, page_size: to.pageSize, ordering: to.ordering }, false),
  };
}
