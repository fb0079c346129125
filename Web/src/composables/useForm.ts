import { computed, nextTick, reactive, ref, shallowRef } from "vue";
import type { ComputedRef, Ref } from "vue";
import { FieldError, Problem } from "../api/problem";
import { fieldErrorText, labelled, problemText } from "../i18n/problems";
import { texts } from "../i18n/language";

/** A form whose rules live in the API: it shows what the API answers, at the fields that it names. */
export interface Form<Values extends object> {
  values: Values;
  submitting: Ref<boolean>;
  problem: Ref<Problem | null>;
  /** What to show above the fields; null when every error has its own field. */
  message: ComputedRef<string | null>;
  /** Props for an input; `name` is the API's field, dotted when nested ("profile.bio"). */
  field<Name extends keyof Values & string>(name: Name): FieldBinding<Values[Name]>;
  reset(values: Values): void;
  submit(action: () => Promise<void>): Promise<void>;
}

export interface FieldBinding<Value> {
  modelValue: Value;
  "onUpdate:modelValue": (value: any) => void;
  error: boolean;
  errorMessage: string;
  name: string;
}

export function useForm<Values extends object>(initial: Values): Form<Values> {
  const values = reactive({ ...initial });
  const errors = reactive<{ byField: Record<string, FieldError> }>({ byField: {} });
  const problem = shallowRef<Problem | null>(null);
  const submitting = ref(false);

  const message = computed(() => {
    const current = problem.value;
    if (current === null) return null;
    if (current.errors.length === 0) return problemText(current);
    const elsewhere = current.errors.filter((error) => !(name(error) in values));
    return elsewhere.length > 0 ? elsewhere.map(labelled).join(" ") : texts().errors.fixFields;
  });

  function field<Name extends keyof Values & string>(field: Name): FieldBinding<Values[Name]> {
    const error = errors.byField[field];
    return {
      modelValue: values[field],
      "onUpdate:modelValue": (value) => {
        values[field] = value;
        delete errors.byField[field];
      },
      error: error !== undefined,
      errorMessage: error ? fieldErrorText(error) : "",
      name: field,
    };
  }

  function reset(replacement: Values): void {
    Object.assign(values, replacement);
    errors.byField = {};
    problem.value = null;
  }

  async function submit(action: () => Promise<void>): Promise<void> {
    if (submitting.value) return;
    submitting.value = true;
    errors.byField = {};
    problem.value = null;
    try {
      await action();
    } catch (error) {
      problem.value = Problem.from(error);
      // The first error of a field wins: it is the one to fix first.
      for (const each of problem.value.errors) errors.byField[name(each)] ??= each;
      await focusFirstError();
    } finally {
      submitting.value = false;
    }
  }

  return { values, submitting, problem, message, field, reset, submit };
}

function name(error: FieldError): string {
  return error.loc.slice(1).join(".");
}

async function focusFirstError(): Promise<void> {
  await nextTick();
  document.querySelector<HTMLElement>(".q-field--error input, .q-field--error textarea")?.focus();
}
