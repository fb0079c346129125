import { defineComponent } from "vue";

/** The bird of public/favicon.svg in the color of the surrounding text. */
export const Logo = defineComponent(
  () => () => (
    <span class="m-logo">
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <path d="M3 8c6 .5 10 2.5 13 6 2-3.5 6-6.500 13-8-3 3-5 6-6.500 9.500C21 19.500 18.500 22 15 23l-5 5 .5-5.500L5 24l5-4.500C9.500 15 7 11 3 8z" />
      </svg>
      <span>Martlet</span>
    </span>
  ),
  { name: "Logo" },
);
