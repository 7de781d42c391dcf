// What the editor gives to the fields inside it.
import { computed, inject, type ComputedRef, type InjectionKey, type Ref } from "vue";
import type { Fault } from "./faults";

export const faultsKey: InjectionKey<Ref<Fault[]>> = Symbol("faults");

/** What is wrong with the member at `place`, or in it. */
export function useFault(place: Ref<string>): ComputedRef<string | undefined> {
  const faults = inject(faultsKey, null);
  const isAt = (path: string) => path === place.value || path.startsWith(`${place.value}.`);
  return computed(() => faults?.value.find(({ path }) => isAt(path))?.message);
}
