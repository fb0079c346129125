import { QBtn, QCard, QDialog } from "quasar";
import { defineComponent, ref, watch } from "vue";
import { openQuestion, OpenQuestion } from "./confirm";

/** Shows the question of `confirm`. The app has one instance. */
export const ConfirmDialog = defineComponent(
  () => {
    // Keep the question while the dialog fades out.
    const shown = ref<OpenQuestion | null>(null);
    watch(() => openQuestion.value, (question) => {
      if (question) shown.value = question;
    }, { immediate: true });
    return () => {
      const question = shown.value;
      if (question === null) return null;
      return (
        <QDialog
          modelValue={openQuestion.value !== null} onUpdate:modelValue={(open) => open || question.answer(false)}
          onHide={() => openQuestion.value === null && (shown.value = null)} aria-label={question.title}
        >
          <QCard class="m-confirm">
            <h2 class="m-subtitle">{question.title}</h2>
            <p>{question.message}</p>
            <footer>
              <QBtn
                flat={true} noCaps={true} label={question.cancel} data-autofocus={true} onClick={() => question.answer(false)}
              />
              <QBtn
                unelevated={true} noCaps={true} color={question.negative ? "negative" : "primary"} label={question.confirm}
                onClick={() => question.answer(true)}
              />
            </footer>
          </QCard>
        </QDialog>
      );
    };
  },
  { name: "ConfirmDialog" },
);
