import { QCard } from "quasar";
import { Child, defineComponent } from "vue";
import type { Column } from "./DataTable";
import { fitted } from "./Ellipsis";

interface Props {
  row: unknown;
  columns: Column<any>[];
  actions?: (row: any) => Child;
}

/** One row of a list on phones. The first column is its heading. */
export const RowCard = defineComponent(
  (props: Props) => () => {
    const [heading, ...details] = props.columns;
    return (
      <QCard flat={true} bordered={true} class="m-row-card">
        <div class="m-row-card-head">
          <h2>{heading?.cell(props.row)}</h2>
          {props.actions && <div class="m-row-actions">{props.actions(props.row)}</div>}
        </div>
        <dl>
          {details.map((column) => (
            <div key={column.name}>
              <dt>{column.label}</dt>
              <dd>{fitted(column.cell(props.row))}</dd>
            </div>
          ))}
        </dl>
      </QCard>
    );
  },
  { name: "RowCard", props: ["row", "columns", "actions"] },
);
