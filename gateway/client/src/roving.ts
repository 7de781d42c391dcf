// One tab stop for a list or a grid: the arrow keys move within it.

/** Moves the focus among the elements with `data-stop` in `container`; `columns` of them are in a row. */
export function rove(event: KeyboardEvent, container: HTMLElement, columns = 1): void {
  const stops = [...container.querySelectorAll<HTMLElement>("[data-stop]")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const steps: Record<string, number> = {
    ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1, Home: -stops.length, End: stops.length,
  };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  stops[Math.max(0, Math.min(stops.length - 1, at + step))]?.focus();
}
