import { Component, computed } from "vue";
import type { DeclaredPage } from "./api/declaredPages";
import { declaredPages } from "./declared";
import type { Texts } from "./i18n/en";
import { texts, translated } from "./i18n/language";
import { declaredPage } from "./pages/DeclaredPage";
import { ForbiddenPage } from "./pages/ForbiddenPage";
import { LoadingPage } from "./pages/LoadingPage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { ProductsPage } from "./pages/ProductsPage";
import { ProfilePage } from "./pages/ProfilePage";
import { RegisterPage } from "./pages/RegisterPage";
import { SignInPage } from "./pages/SignInPage";
import { UsersPage } from "./pages/UsersPage";
import { may, mayAdminister } from "./session/session";

export interface Route {
  page: Component;
  title: (texts: Texts) => string;
  /** The icon in the navigation. Pages without one are not listed there. */
  icon?: string;
  /** The name in the navigation. Default: the title. */
  label?: (texts: Texts) => string;
  /** Whether the page is for visitors. Other pages need a session. */
  entry?: boolean;
  allowed?: () => boolean;
}

const products: Route = { page: ProductsPage, title: (t) => t.products.title, icon: "inventory_2" };
const users: Route = {
  page: UsersPage, title: (t) => t.users.title, icon: "people_outline", allowed: () => mayAdminister("accounts.view_user"),
};
const profile: Route = { page: ProfilePage, title: (t) => t.profile.title, icon: "person_outline", label: (t) => t.profile.menu };
const own: Record<string, Route> = {
  "/products": products,
  "/users": users,
  "/profile": profile,
  "/login": { page: SignInPage, title: (t) => t.signIn.title, entry: true },
  "/register": { page: RegisterPage, title: (t) => t.register.title, entry: true },
};
const notFound: Route = { page: NotFoundPage, title: (t) => t.notFound.title };
const forbidden: Route = { page: ForbiddenPage, title: (t) => t.forbidden.title };
/** For any other path until the declared pages are loaded. */
export const loading: Route = { page: LoadingPage, title: (t) => t.app.loading };

function routeOf(page: DeclaredPage): Route {
  const { permission, icon } = page;
  return { page: declaredPage(page), title: () => translated(page.title), icon, allowed: () => permission === null || may(permission) };
}

/** In navigation order. The console's own pages take precedence over declared ones. */
const routes = computed((): Record<string, Route> => {
  const declared = (declaredPages() ?? []).map((page) => [page.path, routeOf(page)] as const);
  return { "/products": products, ...Object.fromEntries(declared), ...own };
});

export const HOME = "/products";

export function findRoute(path: string): Route {
  const found = routes.value[path] ?? (declaredPages() === null ? loading : notFound);
  return found.allowed && !found.allowed() ? forbidden : found;
}

/** A page in the navigation. */
export interface Entry {
  path: string;
  icon: string;
  label: string;
}

/** The pages that the navigation offers to the user. */
export function navigation(): Entry[] {
  return Object.entries(routes.value).flatMap(([path, { icon, label, title, allowed }]) =>
    icon === undefined || allowed?.() === false ? [] : [{ path, icon, label: (label ?? title)(texts()) }],
  );
}
