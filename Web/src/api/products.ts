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

/** Numbers are sent as typed: the API parses decimals exactly and reports the field of an invalid one. */
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
