import { QBtn, QCard, QDialog, QSpinner, Screen } from "quasar";
import { defineComponent, ref, watch } from "vue";
import type { Problem } from "../api/problem";
import type { Form } from "../composables/useForm";
import { texts } from "../i18n/language";
import { route } from "../router";
import { mayDiscard } from "../unsaved";
import { ErrorState } from "./ErrorState";
import { FormMessage } from "./FormMessage";

interface Props {
  title: string;
  form: Form<any>;
  submitLabel: string;
  /** Must call `close` when done. */
  onSubmit: (close: () => void) => void;
  /** Called when the dialog has closed, for any reason. */
  onClosed: () => void;
  /** Reloads the values. Only for editing. */
  onReload?: () => void;
  loading?: boolean;
  loadProblem?: Problem | null;
}

/**
 * The frame of every create and edit dialog. The slot holds the fields. Full screen on phones. If the form has changes,
 * closing it in any way asks first.
 */
export const FormDialog = defineComponent(
  (props: Props, { slots }) => {
    const open = ref(true);
    const close = () => (open.value = false);
    const leave = () => void mayDiscard(props.form.changed.value).then((yes) => yes && close());
    // The back button closes the dialog. Unsaved changes have been confirmed by then.
    watch(() => route.moves, close);
    const body = () => {
      if (props.loadProblem) return <ErrorState problem={props.loadProblem} onRetry={() => props.onReload?.()} />;
      if (props.loading) {
        return (
          <div class="m-notice" role="status">
            <QSpinner size="32px" color="primary" />
            <span class="m-visually-hidden">{texts().app.loading}</span>
          </div>
        );
      }
      return [<FormMessage form={props.form} onReload={props.onReload} />, <div class="m-fields">{slots.default?.()}</div>];
    };
    const submit = (event: Event) => {
      event.preventDefault();
      props.onSubmit(close);
    };
    return () => (
      <QDialog
        modelValue={open.value} onUpdate:modelValue={(value) => value || leave()} onHide={props.onClosed}
        maximized={Screen.lt.sm} aria-label={props.title}
      >
        <QCard class="m-dialog">
          <form novalidate={true} onSubmit={submit}>
            <header>
              <h2 class="m-subtitle">{props.title}</h2>
              <QBtn flat={true} round={true} dense={true} icon="close" aria-label={texts().actions.close} onClick={leave} />
            </header>
            <div class="m-dialog-body">{body()}</div>
            <footer>
              <QBtn flat={true} noCaps={true} label={texts().actions.cancel} onClick={leave} />
              <QBtn
                type="submit" unelevated={true} noCaps={true} color="primary" label={props.submitLabel}
                loading={props.form.submitting.value} disable={props.loading || !!props.loadProblem}
              />
            </footer>
          </form>
        </QCard>
      </QDialog>
    );
  },
  {
    name: "FormDialog",
    props: ["title", "form", "submitLabel", "onSubmit", "onClosed", "onReload", "loading", "loadProblem"],
  },
);
