import { shallowRef } from "vue";
import type { Ref } from "vue";
import { confirmDeletion, notifyDone, notifyProblem } from "../components/feedback";
import { focusRowAction } from "../focus";
import type { List } from "./useList";

/** Creating, editing and deleting the items of a list. */
export interface Rows<T> {
  /** The id of the item in the dialog; null for a new item. */
  editing: Ref<{ id: number | null } | null>;
  add(): void;
  edit(item: T): void;
  close(): void;
  saved(item: T): void;
  /** Deletes after a confirmation. */
  remove(item: T): Promise<void>;
}

interface RowTexts {
  deleteTitle: string;
  deleteText: (name: string) => string;
  deleted: (name: string) => string;
}

export function useRows<T extends { id: number }>(
  list: List<T>,
  remove: (id: number) => Promise<unknown>,
  nameOf: (item: T) => string,
  texts: () => RowTexts,
): Rows<T> {
  const editing = shallowRef<{ id: number | null } | null>(null);

  async function confirmAndRemove(item: T): Promise<void> {
    const place = list.items.value.indexOf(item);
    const { deleteTitle, deleteText } = texts();
    if (!(await confirmDeletion(deleteTitle, deleteText(nameOf(item))))) return;
    try {
      await remove(item.id);
      notifyDone(texts().deleted(nameOf(item)));
    } catch (error) {
      notifyProblem(error);
    }
    await list.reload();
    focusRowAction(place);
  }

  return {
    editing,
    add: () => (editing.value = { id: null }),
    edit: ({ id }) => (editing.value = { id }),
    close: () => (editing.value = null),
    saved: (item) => void list.reveal(item),
    remove: confirmAndRemove,
  };
}
