// The texts of the proof of a receipt in the language of the page.
import { texts } from "../language";
import { en } from "./words/en";
import { id } from "./words/id";

export const { t, fill, tOr } = texts({ en, id });
