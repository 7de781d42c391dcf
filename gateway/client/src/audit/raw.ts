// The bytes of events: what a response contains, before it is parsed.

/** The texts of the items of the list `items` at the beginning of a response. */
export function rawItems(response: string): string[] {
  const start = response.indexOf("[");
  if (start < 0) return [];
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  let isInString = false;
  for (let at = start + 1; at < response.length; at++) {
    const character = response[at];
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') {
      isInString = true;
    } else if (character === "{" || character === "[") {
      if (depth++ === 0) from = at;
    } else if (character === "}" || character === "]") {
      if (depth === 0) break;
      if (--depth === 0) items.push(response.slice(from, at + 1));
    }
  }
  return items;
}
