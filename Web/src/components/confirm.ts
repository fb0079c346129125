import { shallowRef } from "vue";

export interface Question {
  title: string;
  message: string;
  /** Labels of the two answers. */
  confirm: string;
  cancel: string;
  /** Whether the answer loses something. */
  negative?: boolean;
}

export interface OpenQuestion extends Question {
  answer: (yes: boolean) => void;
}

export const openQuestion = shallowRef<OpenQuestion | null>(null);

/** Asks a question in a dialog; the safe answer has the focus, and closing the dialog gives it. */
export function confirm(question: Question): Promise<boolean> {
  openQuestion.value?.answer(false);
  return new Promise((resolve) => {
    const open: OpenQuestion = {
      ...question,
      answer: (yes) => {
        if (openQuestion.value === open) openQuestion.value = null;
        resolve(yes);
      },
    };
    openQuestion.value = open;
  });
}
