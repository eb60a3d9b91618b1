// What a line chart shows, free of any drawing library, and the steps from lines with their own x values to one
// shared x axis. Nothing here touches the page.

export type ChartColor = 'ember' | 'steel' | 'verdigris' | 'brass' | 'rust' | 'iron';

/** Order in which series take colours; iron is for references. */
export const SERIES_COLORS: readonly ChartColor[] = ['ember', 'steel', 'verdigris', 'brass', 'rust'];

export interface ChartLine {
  id: string;
  label: string;
  color: ChartColor;
  style: 'solid' | 'faint' | 'dashed';
  /** Ascending. */
  xs: readonly number[];
  /** Same length as `xs`; null is no value. */
  ys: readonly (number | null)[];
  /** Draws a ring at every point. */
  points?: boolean;
  /** Fills down to the axis. */
  area?: boolean;
  /** Marks the last point. */
  endMark?: boolean;
  /** False keeps it out of the crosshair's values. */
  inTip?: boolean;
}

/** One x column and one y column per line, null where a line has no point at that x. */
export type AlignedColumns = [number[], ...(number | null)[][]];

/** Merges the x values of all lines; lines that share one array cost nothing. */
export function alignLines(lines: readonly ChartLine[]): AlignedColumns {
  const first = lines[0];
  if (first === undefined) return [[]];
  if (lines.every((line) => line.xs === first.xs)) {
    return [[...first.xs], ...lines.map((line) => [...line.ys])];
  }
  const union = new Set<number>();
  for (const line of lines) for (const x of line.xs) union.add(x);
  const xs = Array.from(Float64Array.from(union).sort());
  return [xs, ...lines.map((line) => placeOn(xs, line))];
}

function placeOn(xs: readonly number[], line: ChartLine): (number | null)[] {
  let at = 0;
  return xs.map((x) => {
    if (line.xs[at] !== x) return null;
    return line.ys[at++] ?? null;
  });
}

/** Index of the nearest value at or before `index`, else the first after it; null where the column is empty. */
export function nearestFilled(column: readonly (number | null)[], index: number): number | null {
  for (let at = index; at >= 0; at--) if (column[at] !== null && column[at] !== undefined) return at;
  for (let at = index + 1; at < column.length; at++) if (column[at] !== null) return at;
  return null;
}

/** Last point with a value, for the end mark and the chart's text. */
export function lastPoint(line: ChartLine): { x: number; y: number } | null {
  for (let at = line.xs.length - 1; at >= 0; at--) {
    const x = line.xs[at];
    const y = line.ys[at];
    if (x !== undefined && y !== null && y !== undefined) return { x, y };
  }
  return null;
}
