import type { Component } from "vue";
import type { Texts } from "./i18n/en";
import { ForbiddenPage } from "./pages/ForbiddenPage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { ProductsPage } from "./pages/ProductsPage";
import { ProfilePage } from "./pages/ProfilePage";
import { RegisterPage } from "./pages/RegisterPage";
import { SignInPage } from "./pages/SignInPage";
import { UsersPage } from "./pages/UsersPage";
import { mayAdminister } from "./session/session";

export interface Route {
  page: Component;
  title: (texts: Texts) => string;
  /** Whether the page is for visitors. Other pages need a session. */
  entry?: boolean;
  allowed?: () => boolean;
}

const routes: Record<string, Route> = {
  "/login": { page: SignInPage, title: (t) => t.signIn.title, entry: true },
  "/register": { page: RegisterPage, title: (t) => t.register.title, entry: true },
  "/products": { page: ProductsPage, title: (t) => t.products.title },
  "/users": { page: UsersPage, title: (t) => t.users.title, allowed: () => mayAdminister("accounts.view_user") },
  "/profile": { page: ProfilePage, title: (t) => t.profile.title },
};
const notFound: Route = { page: NotFoundPage, title: (t) => t.notFound.title };
const forbidden: Route = { page: ForbiddenPage, title: (t) => t.forbidden.title };

export const HOME = "/products";

export function findRoute(path: string): Route {
  const found = routes[path.replace(/\/+$/, "")] ?? notFound;
  return found.allowed && !found.allowed() ? forbidden : found;
}
