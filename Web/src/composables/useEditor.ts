import { ref, shallowRef } from "vue";
import type { Ref } from "vue";
import type { Answer } from "../api/http";
import { Problem } from "../api/problem";
import type { Form } from "./useForm";

/** Loads and saves an existing resource in a form. Its entity tag prevents lost updates. */
export interface Editor {
  loading: Ref<boolean>;
  problem: Ref<Problem | null>;
  load(): Promise<void>;
  etag(): string | null;
}

export function useEditor<T, Values extends object>(
  form: Form<Values>,
  find: (() => Promise<Answer<T>>) | null,
  toValues: (resource: T) => Values,
): Editor {
  const loading = ref(find !== null);
  const problem = shallowRef<Problem | null>(null);
  let etag: string | null = null;

  async function load(): Promise<void> {
    if (find === null) return;
    loading.value = true;
    problem.value = null;
    try {
      const answer = await find();
      etag = answer.etag;
      form.reset(toValues(answer.body));
    } catch (error) {
      problem.value = Problem.from(error);
    }
    loading.value = false;
  }

  void load();
  return { loading, problem, load, etag: () => etag };
}
