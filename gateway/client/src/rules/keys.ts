// What the editor gives to the fields inside it.
import { computed, inject, type InjectionKey, type Ref } from "vue";
import type { Fault } from "./faults";

export const faultsKey: InjectionKey<Ref<Fault[]>> = Symbol("faults");

/** What is wrong with the member at `place`, or in it, until it is changed. */
export function useFault(place: Ref<string>) {
  const faults = inject(faultsKey, null);
  const isHere = ({ path }: Fault) => path === place.value || path.startsWith(`${place.value}.`);
  return {
    fault: computed(() => faults?.value.find(isHere)?.message),
    forget: () => faults && (faults.value = faults.value.filter((one) => !isHere(one))),
  };
}
