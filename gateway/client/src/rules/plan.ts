// Where tables stand, in centimetres from the corner of the plan.
import type { Table } from "./document";

/** The largest coordinate. */
const PLAN_CM_MAX = 100_000;
/** The smallest plan, and the room beside its last table. */
const WIDTH_CM_MIN = 800;
const HEIGHT_CM_MIN = 400;
const MARGIN_CM = 120;
/** The distance of tables that are put on the plan. */
const APART_CM = 160;

/** The size of a plan with these tables. */
export function extentOf(tables: Table[]): { width: number; height: number } {
  const farthest = (of: (table: Table) => number | undefined, least: number) =>
    Math.max(least, ...tables.map((table) => (of(table) ?? 0) + MARGIN_CM));
  return { width: farthest(({ x }) => x, WIDTH_CM_MIN), height: farthest(({ y }) => y, HEIGHT_CM_MIN) };
}

/** Moves a table to the point of the grid that is nearest to x and y. */
export function moved(table: Table, x: number, y: number, grid: number): void {
  const snapped = (value: number) => Math.min(PLAN_CM_MAX, Math.max(0, Math.round(value / grid) * grid));
  [table.x, table.y] = [snapped(x), snapped(y)];
}

/** The first place, row by row, at which no table stands. */
export function freePlace(tables: Table[]): [number, number] {
  const perRow = Math.floor(WIDTH_CM_MIN / APART_CM);
  for (let at = 0; ; at += 1) {
    const [x, y] = [(at % perRow) * APART_CM + APART_CM / 2, Math.floor(at / perRow) * APART_CM + APART_CM / 2];
    const isTaken = (table: Table) => Math.abs((table.x ?? 0) - x) < APART_CM / 2 && Math.abs((table.y ?? 0) - y) < APART_CM / 2;
    if (!tables.some(isTaken)) return [x, y];
  }
}
