import { shallowRef } from "vue";

export interface Question {
  title: string;
  message: string;
  /** The labels of the two buttons. */
  confirm: string;
  cancel: string;
  /** Whether confirming is destructive. */
  negative?: boolean;
}

export interface OpenQuestion extends Question {
  answer: (yes: boolean) => void;
}

export const openQuestion = shallowRef<OpenQuestion | null>(null);

/** Asks a question in a dialog. The safe answer has the focus, and closing the dialog chooses it. */
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
