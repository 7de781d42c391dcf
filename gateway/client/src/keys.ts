// Keys without a modifier. They do nothing while the focus is in a field or a dialog.

/** The key of an event that may act; null in a field, with a modifier, or with a dialog's own key. */
export function keyOf(event: KeyboardEvent): string | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const target = event.target as HTMLElement | null;
  if (target?.closest("input, textarea, select, dialog")) return null;
  return event.key.length === 1 ? event.key : null;
}
