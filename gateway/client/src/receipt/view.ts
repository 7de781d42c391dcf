// Shows on the page what was checked.
import { rootText, type Checkpoint } from "./note";
import { moment, particularsOf, titleOf } from "./entries";
import type { Verified } from "./verify";
import { t } from "./words";

export interface Entry {
  at: string;
  title: string;
  particulars: string;
}

/** What the page shows. */
export interface Shown {
  /** `null` while it is checked. */
  isProved: boolean | null;
  /** Sentences, the most important one first. */
  said: string[];
  entries?: Entry[];
  checkpoint?: Checkpoint;
  doubt?: { doubts: string[]; accept: () => void };
}

export const entriesOf = ({ promises }: Verified, zone: string): Entry[] =>
  promises.map((promise) => ({ at: moment(promise.time, zone), title: titleOf(promise.type), particulars: particularsOf(promise, zone) }));

type Child = Node | string;

function element(name: string, attributes: Record<string, string>, ...children: Child[]): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

const paragraphs = (texts: string[]): HTMLElement[] => texts.map((text) => element("p", {}, text));

function list(entries: Entry[]): HTMLElement {
  const item = ({ at, title, particulars }: Entry) =>
    element("li", {}, element("strong", {}, title), ...(particulars ? [` ${particulars}`] : []), element("br", {}), element("small", { class: "quiet" }, at));
  return element("ol", { class: "entries" }, ...entries.map(item));
}

function details(checkpoint: Checkpoint): HTMLElement {
  const facts: [string, string][] = [
    [t("log"), checkpoint.origin],
    [t("events"), String(checkpoint.size)],
    [t("root"), rootText(checkpoint)],
    ...checkpoint.signers.map((key): [string, string] => [t("key"), key]),
  ];
  const rows = facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  return element("details", {}, element("summary", {}, t("details")), element("dl", { class: "facts" }, ...rows));
}

/** Replaces what was shown before. */
export function show(place: HTMLElement, { isProved, said, entries, checkpoint, doubt }: Shown): void {
  const status = place.querySelector("[data-said]");
  const found = place.querySelector("[data-found]");
  status?.replaceChildren(...paragraphs(said));
  status?.classList.toggle("done", isProved === true);
  status?.classList.toggle("alert", isProved === false);
  place.setAttribute("aria-busy", String(isProved === null));
  const parts: HTMLElement[] = [];
  if (doubt) {
    const button = element("button", { type: "button" }, t("accept"));
    const box = element("div", { class: "alert", role: "alert" }, ...paragraphs(doubt.doubts), button);
    button.addEventListener("click", () => {
      doubt.accept();
      box.remove();
    });
    parts.push(box);
  }
  if (entries) parts.push(list(entries));
  if (checkpoint) parts.push(details(checkpoint));
  found?.replaceChildren(...parts);
}
