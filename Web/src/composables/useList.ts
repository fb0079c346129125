import { computed, onUnmounted, ref, shallowRef, watch } from "vue";
import type { ComputedRef, Ref } from "vue";
import type { Page, Query } from "../api/page";
import { FieldError, isAbort, Problem } from "../api/problem";
import { navigate, route } from "../router";

export const PAGE_SIZES = [10, 20, 50, 100] as const;
const PAGE_SIZE = 20;

/** A server-side list whose search, filters, order and page are the page's own address. */
export interface List<T> {
  items: Ref<readonly T[]>;
  total: Ref<number>;
  loading: Ref<boolean>;
  problem: Ref<Problem | null>;
  page: ComputedRef<number>;
  pageSize: ComputedRef<number>;
  ordering: ComputedRef<string>;
  /** Search and filters by the API's names; "" for those that are not set. */
  filters: ComputedRef<Query>;
  filtered: ComputedRef<boolean>;
  /** What the API says against the value of a filter. */
  filterError(name: string): FieldError | undefined;
  /** Changes search or filters and goes back to the first page. */
  filter(changes: Query): void;
  clearFilters(): void;
  turn(to: { page: number; pageSize: number; ordering: string }): void;
  reload(): Promise<void>;
}

export function useList<T>(
  path: string,
  filterNames: readonly string[],
  load: (query: Query, signal: AbortSignal) => Promise<Page<T>>,
): List<T> {
  const items = shallowRef<readonly T[]>([]);
  const total = ref(0);
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

  let running = new AbortController();

  async function reload(): Promise<void> {
    running.abort();
    const { signal } = (running = new AbortController());
    loading.value = true;
    const position = { page: String(page.value), page_size: String(pageSize.value), ordering: ordering.value };
    try {
      const answer = await load({ ...filters.value, ...position }, signal);
      if (signal.aborted) return;
      const lastPage = Math.max(1, Math.ceil(answer.total / pageSize.value));
      // Deleting the last row of the last page leaves its address pointing behind the end.
      if (page.value > lastPage) return show({ page: lastPage }, true);
      items.value = answer.items;
      total.value = answer.total;
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
    navigate(query.toString() === "" ? path : `${path}?${query}`, { replace });
  }

  function filter(changes: Query): void {
    // Typing on refines one search, so it is one step of the history; starting or ending one is a step of its own.
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
    items, total, loading, problem, page, pageSize, ordering, filters, filtered, filterError, filter, reload,
    clearFilters: () => filter(Object.fromEntries(filterNames.map((name) => [name, ""]))),
    turn: (to) => show({ page: to.page, page_size: to.pageSize, ordering: to.ordering }, false),
  };
}
