import { QIcon } from "quasar";
import { defineComponent, ref, watch } from "vue";

/** An icon that somebody else names: what the icon font does not have becomes a plain one. */
export const FontIcon = defineComponent(
  (props: { name: string; size?: string }) => {
    const missing = ref(false);
    watch(() => props.name, (name) => void isMissing(name).then((answer) => (missing.value = answer)), { immediate: true });
    // Quasar takes other names for addresses of images.
    const isName = () => /^[a-z0-9_]{2,}$/.test(props.name);
    return () => <QIcon name={isName() && !missing.value ? props.name : "list_alt"} size={props.size} />;
  },
  { name: "FontIcon", props: ["name", "size"] },
);

/** The font draws each name it has as one sign of its full size, and any other letter by letter. */
async function isMissing(name: string): Promise<boolean> {
  const font = "24px 'Material Icons'";
  const canvas = document.createElement("canvas").getContext("2d");
  const faces = await document.fonts.load(font).catch(() => []);
  if (canvas === null || faces.length === 0) return false;
  canvas.font = font;
  return canvas.measureText(name).width !== 24;
}
