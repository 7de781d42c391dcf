// The language of the page, and texts in it.

/** The language of the page, which the gateway chose. */
export const locale = typeof document !== "undefined" && document.documentElement.lang === "id" ? "id" : "en";

/** The texts of one page, in both languages. */
export function texts<T extends Record<string, string>>(all: Record<typeof locale, T>) {
  const words = all[locale];
  return {
    t: (word: keyof T): string => words[word] as string,
    /** A text with its gaps filled. */
    fill: (word: keyof T, values: Record<string, string | number>): string =>
      (words[word] as string).replace(/\{(\w+)\}/g, (gap, name: string) => String(values[name] ?? gap)),
    /** The text of a word that may not have one. */
    tOr: (word: string, otherwise: string): string => words[word] ?? otherwise,
  };
}
