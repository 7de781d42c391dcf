// The texts in the language of the page.
import { en, type Words } from "./words/en";
import { id } from "./words/id";

export type Word = keyof Words;

/** The language of the page, which the gateway chose. */
export const locale = typeof document !== "undefined" && document.documentElement.lang === "id" ? "id" : "en";
const words: Words = locale === "id" ? id : en;

export function t(word: Word): string {
  return words[word];
}

/** A text with its gaps filled. */
export function fill(word: Word, values: Record<string, string | number>): string {
  return words[word].replace(/\{(\w+)\}/g, (gap, name: string) => String(values[name] ?? gap));
}
