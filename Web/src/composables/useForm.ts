import { computed, nextTick, onUnmounted, reactive, ref, shallowRef } from "vue";
import type { ComputedRef, Ref } from "vue";
import { FieldError, Problem } from "../api/problem";
import { fieldErrorText, labelled, problemText } from "../i18n/problems";
import { texts } from "../i18n/language";
import { guard } from "../unsaved";

/** A form validated by the API. It shows the API's errors at their fields. */
export interface Form<Values extends object> {
  values: Values;
  /** Whether a value has changed since the last `reset` or successful `submit`. */
  changed: ComputedRef<boolean>;
  submitting: Ref<boolean>;
  problem: Ref<Problem | null>;
  /** The message above the fields; null when every error has its own field. */
  message: ComputedRef<string | null>;
  /** The props of an input. `name` is the API's field, with dots if nested ("profile.bio"). */
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

/**
 * Creates a form. Call it in a component's setup. While the component exists, leaving with unsaved changes asks first.
 * @param options.disposable leaves without asking, for forms that are quick to fill in.
 */
export function useForm<Values extends object>(initial: Values, options: { disposable?: boolean } = {}): Form<Values> {
  const values = reactive({ ...initial });
  const saved = ref(JSON.stringify(initial));
  const changed = computed(() => JSON.stringify(values) !== saved.value);
  if (!options.disposable) onUnmounted(guard(() => changed.value));
  const errors = reactive<{ byField: Record<string, FieldError> }>({ byField: {} });
  const problem = shallowRef<Problem | null>(null);
  const submitting = ref(false);

  const message = computed(() => {
    const current = problem.value;
    if (current === null) return null;
    if (current.errors.length === 0) return problemText(current);
    const elsewhere = current.errors.filter((error) => fieldOf(error) === null);
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
      errorMessage: error ? errorText(error, field) : "",
      name: field,
    };
  }

  /** The field on the screen for an error. For an item of a list ("permissions.0"), the field of the list. */
  function fieldOf(error: FieldError): (keyof Values & string) | null {
    for (let length = error.loc.length; length > 1; length -= 1) {
      const name = error.loc.slice(1, length).join(".");
      if (name in values) return name as keyof Values & string;
    }
    return null;
  }

  function errorText(error: FieldError, field: keyof Values & string): string {
    const text = fieldErrorText(error);
    const value: unknown = values[field];
    const item: unknown = Array.isArray(value) ? value[Number(error.loc[field.split(".").length + 1])] : undefined;
    return typeof item === "string" ? texts().errors.at(`“${item}”`, text) : text;
  }

  function reset(replacement: Values): void {
    Object.assign(values, replacement);
    saved.value = JSON.stringify(values);
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
      saved.value = JSON.stringify(values);
    } catch (error) {
      problem.value = Problem.from(error);
      // Show the first error of a field, which must be fixed first.
      for (const each of problem.value.errors) {
        const field = fieldOf(each);
        if (field !== null) errors.byField[field] ??= each;
      }
      await focusFirstError();
    } finally {
      submitting.value = false;
    }
  }

  return { values, changed, submitting, problem, message, field, reset, submit };
}

async function focusFirstError(): Promise<void> {
  await nextTick();
  document.querySelector<HTMLElement>(".q-field--error input, .q-field--error textarea")?.focus();
}
