import { QIcon } from "quasar";
import { defineComponent, ref, watch } from "vue";

/** An icon of the icon font. A name that the font does not have shows a plain icon. */
export const FontIcon = defineComponent(
  (props: { name: string; size?: string }) => {
    const missing = ref(false);
    watch(() => props.name, (name) => void isMissing(name).then((answer) => (missing.value = answer)), { immediate: true });
    // Quasar takes names such as "img:…" for images.
    const isName = () => /^[a-z0-9_]{2,}$/.test(props.name);
    return () => <QIcon name={isName() && !missing.value ? props.name : "list_alt"} size={props.size} />;
  },
  { name: "FontIcon", props: ["name", "size"] },
);

/** The font draws a name that it has as one glyph, and any other name letter by letter. */
async function isMissing(name: string): Promise<boolean> {
  const font = "24px 'Material Icons'";
  const canvas = document.createElement("canvas").getContext("2d");
  const faces = await document.fonts.load(font).catch(() => []);
  if (canvas === null || faces.length === 0) return false;
  canvas.font = font;
  return canvas.measureText(name).width !== 24;
}
