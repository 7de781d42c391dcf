// The texts of the stand in the language of the page.
import { texts } from "./language";
import { en, type Words } from "./words/en";
import { id } from "./words/id";

export type Word = keyof Words;
export const { t, fill } = texts<Words>({ en, id });
