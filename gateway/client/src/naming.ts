// What a party is called on the screen.
import { callOf, type Party } from "./state/evening";
import { t } from "./words";

export const nameOf = (party: Party) => callOf(party, t("walk_in"));
