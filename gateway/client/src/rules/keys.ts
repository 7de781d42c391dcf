// What the editor gives to the fields inside it.
import type { InjectionKey, Ref } from "vue";
import type { Fault } from "./faults";

export const faultsKey: InjectionKey<Ref<Fault[]>> = Symbol("faults");
