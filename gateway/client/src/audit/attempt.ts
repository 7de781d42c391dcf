// What a component does about requests: it is busy, and says what went wrong.
import { ref, type Ref } from "vue";
import { Refused } from "../api";
import { t } from "./words";

/** What a failed request says to a person. */
export const inWords = (error: unknown): string => (error instanceof Refused ? error.message : t("unanswered"));

export interface Attempts {
  /** What went wrong last; empty after a success. */
  trouble: Ref<string>;
  /** The code of the refusal, if it was one. */
  code: Ref<string>;
  isBusy: Ref<boolean>;
  /** Does something, and returns whether it succeeded. */
  attempt: (what: () => Promise<unknown>) => Promise<boolean>;
}

/** The attempts of one part of a page. */
export function attempts(): Attempts {
  const trouble = ref("");
  const code = ref("");
  const isBusy = ref(false);
  async function attempt(what: () => Promise<unknown>): Promise<boolean> {
    isBusy.value = true;
    try {
      await what();
      [trouble.value, code.value] = ["", ""];
      return true;
    } catch (error) {
      [trouble.value, code.value] = [inWords(error), error instanceof Refused ? error.code : ""];
      return false;
    } finally {
      isBusy.value = false;
    }
  }
  return { trouble, code, isBusy, attempt };
}
