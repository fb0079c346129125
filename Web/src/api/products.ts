import { resource } from "./page";

export interface Product {
  id: number;
  name: string;
  sku: string | null;
  price: number;
  currency: string;
  description: string;
  category: string;
  stock: number;
  in_stock: boolean;
  created_at: string;
  updated_at: string;
}

/** Numbers go out as typed: the API parses decimals exactly and says at which field one is wrong. */
export interface ProductInput {
  name: string;
  sku: string | null;
  price: string | null;
  currency: string;
  description: string;
  category: string;
  stock: string | number;
}

export const products = resource<Product, ProductInput>("/api/products");

/** Categories in use whose products match `search`. The API has no list of them, so this looks at one page. */
export async function findCategories(search: string): Promise<string[]> {
  const page = await products.list({ search, ordering: "category", limit: "100" });
  return [...new Set(page.items.map((product) => product.category))].filter((category) => category !== "");
}
