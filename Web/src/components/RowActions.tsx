import { QBtn, QTooltip } from "quasar";
import { defineComponent } from "vue";
import { texts } from "../i18n/language";

interface Props {
  /** The name of the row for screen readers. */
  label: string;
  onEdit?: () => void;
  onDelete?: () => void;
}

export const RowActions = defineComponent(
  (props: Props) => () => (
    <span class="m-row-actions">
      {props.onEdit && (
        <QBtn flat={true} round={true} dense={true} icon="edit" aria-label={texts().actions.editItem(props.label)} onClick={props.onEdit}>
          <QTooltip delay={500}>{texts().actions.edit}</QTooltip>
        </QBtn>
      )}
      {props.onDelete && (
        <QBtn flat={true} round={true} dense={true} icon="delete_outline" class="m-delete" aria-label={texts().actions.deleteItem(props.label)} onClick={props.onDelete}>
          <QTooltip delay={500}>{texts().actions.delete}</QTooltip>
        </QBtn>
      )}
    </span>
  ),
  { name: "RowActions", props: ["label", "onEdit", "onDelete"] },
);
