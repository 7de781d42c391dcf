// The texts of the audit in the language of the page.
import { texts } from "../language";
import { en } from "./words/en";
import { id } from "./words/id";

export const { t, fill, tOr } = texts({ en, id });
export type Word = keyof typeof en;
