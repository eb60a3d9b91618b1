// One uPlot instance drawn by the design's rules: faint raw data, dashed references, an end mark, the part after "now"
// shaded. Not a component: LineChart.svelte hosts it. Owns the canvas until `destroy`.
import type uPlot from 'uplot';
import { alignLines, lastPoint, nearestFilled, type AlignedColumns, type ChartLine } from './chart-lines';
import { readPalette, watchTheme, type ChartPalette } from './chart-palette';
import type { UPlotClass } from './load-uplot';

export interface LineChartModel {
  lines: readonly ChartLine[];
  /** Fixed x range, e.g. the whole run; null follows the data. */
  xRange: readonly [number, number] | null;
  /** x of the vertical mark; what lies after it is shaded. */
  now: number | null;
  nowLabel: string;
  /** y of a dashed horizontal reference. */
  rule: number | null;
  log: boolean;
  zeroBased: boolean;
  formatX: (x: number) => string;
  /** For the axis. */
  formatY: (y: number) => string;
}

export interface ChartTip {
  x: number;
  left: number;
  flipped: boolean;
  rows: { line: ChartLine; x: number; y: number }[];
}

const AXIS_FONT = '11px system-ui, sans-serif';

export class LineChartView {
  readonly #host: HTMLElement;
  readonly #uPlot: UPlotClass;
  readonly #onTip: (tip: ChartTip | null) => void;
  readonly #unwatch: () => void;
  readonly #resize: ResizeObserver;
  #chart: uPlot | null = null;
  #shape = '';
  #model: LineChartModel;
  #columns: AlignedColumns = [[]];
  #palette: ChartPalette;

  constructor(
    host: HTMLElement,
    uPlotClass: UPlotClass,
    model: LineChartModel,
    onTip: (tip: ChartTip | null) => void,
  ) {
    this.#host = host;
    this.#uPlot = uPlotClass;
    this.#onTip = onTip;
    this.#model = model;
    this.#palette = readPalette(host);
    this.#unwatch = watchTheme(() => {
      this.#palette = readPalette(host);
      this.#chart?.redraw(false, true);
    });
    this.#resize = new ResizeObserver(() => {
      this.#chart?.setSize({ width: host.clientWidth, height: host.clientHeight });
    });
    this.#resize.observe(host);
    this.update(model);
  }

  update(model: LineChartModel): void {
    this.#model = model;
    this.#columns = alignLines(model.lines);
    const shape = shapeOf(model);
    if (this.#chart !== null && shape === this.#shape) {
      this.#chart.setData(this.#columns);
      return;
    }
    this.#chart?.destroy();
    this.#shape = shape;
    this.#chart = new this.#uPlot(this.#options(), this.#columns, this.#host);
  }

  destroy(): void {
    this.#unwatch();
    this.#resize.disconnect();
    this.#chart?.destroy();
    this.#chart = null;
  }

  #options(): uPlot.Options {
    const { log } = this.#model;
    return {
      width: this.#host.clientWidth,
      height: this.#host.clientHeight,
      legend: { show: false },
      padding: [8, 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_self, min, max) => this.#xRange(min, max) },
        y: {
          range: (_self, min, max) => this.#yRange(min, max),
          ...(log ? { distr: 100, fwd: Math.log, bwd: Math.exp } : {}),
        },
      },
      axes: this.#axes(),
      series: [{}, ...this.#model.lines.map((line) => this.#series(line))],
      hooks: {
        drawClear: [(chart) => this.#drawBehind(chart)],
        draw: [(chart) => this.#drawOnTop(chart)],
        setCursor: [(chart) => this.#onTip(this.#tipAt(chart))],
      },
    };
  }

  #axes(): uPlot.Axis[] {
    const common: uPlot.Axis = {
      font: AXIS_FONT,
      stroke: () => this.#palette.text,
      ticks: { show: false },
      gap: 6,
    };
    return [
      {
        ...common,
        size: 26,
        space: 60,
        grid: { show: false },
        values: (_self, splits) => splits.map((split) => this.#model.formatX(split)),
      },
      {
        ...common,
        size: (_self, values) => axisWidth(values),
        space: 32,
        grid: { stroke: () => this.#palette.grid, width: 1 },
        values: (_self, splits) => splits.map((split) => this.#model.formatY(split)),
      },
    ];
  }

  #series(line: ChartLine): uPlot.Series {
    const color = (): string => this.#palette.series[line.color];
    return {
      label: line.label,
      stroke: color,
      alpha: line.style === 'faint' ? 0.32 : 1,
      width: line.style === 'faint' ? 1 : line.style === 'dashed' ? 1.5 : 2,
      spanGaps: true,
      ...(line.style === 'dashed' ? { dash: [4, 4] } : {}),
      ...(line.area === true ? { fill: () => withAlpha(color(), 0.1) } : {}),
      points: {
        show: line.points === true,
        size: 8,
        width: 1.75,
        fill: () => this.#palette.surface,
      },
    };
  }

  #xRange(min: number | null, max: number | null): [number, number] {
    const fixed = this.#model.xRange;
    if (fixed !== null) return [fixed[0], fixed[1]];
    if (min === null || max === null) return [0, 1];
    return min === max ? [min - 1, max + 1] : [min, max];
  }

  #yRange(min: number | null, max: number | null): [number, number] {
    if (min === null || max === null) return [this.#model.log ? 0.1 : 0, 1];
    const rule = this.#model.rule;
    const low = this.#model.zeroBased ? 0 : min;
    const high = rule === null ? max : Math.max(max, rule);
    if (this.#model.log) return [Math.max(low, 1e-12) * 0.95, high * 1.05];
    const padding = (high - low || Math.abs(high) || 1) * 0.08;
    return [this.#model.zeroBased ? 0 : Math.max(low - padding, low >= 0 ? 0 : -Infinity), high + padding];
  }

  #drawBehind(chart: uPlot): void {
    const { now, nowLabel, xRange } = this.#model;
    if (now === null || xRange === null || now >= xRange[1]) return;
    const { left, top, width, height } = chart.bbox;
    const x = chart.valToPos(now, 'x', true);
    const context = chart.ctx;
    context.save();
    context.fillStyle = this.#palette.future;
    context.fillRect(x, top, left + width - x, height);
    dashedLine(context, this.#palette.text, [x, top], [x, top + height]);
    if (nowLabel !== '' && left + width - x > 60 * devicePixelRatio) {
      context.fillStyle = this.#palette.text;
      context.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      context.textAlign = 'left';
      context.textBaseline = 'alphabetic';
      context.fillText(nowLabel, x + 6 * devicePixelRatio, top + 14 * devicePixelRatio);
    }
    context.restore();
  }

  #drawOnTop(chart: uPlot): void {
    const context = chart.ctx;
    const { left, width } = chart.bbox;
    context.save();
    if (this.#model.rule !== null) {
      const y = chart.valToPos(this.#model.rule, 'y', true);
      dashedLine(context, this.#palette.series.iron, [left, y], [left + width, y]);
    }
    for (const line of this.#model.lines) {
      const end = line.endMark === true ? lastPoint(line) : null;
      if (end === null) continue;
      context.beginPath();
      context.fillStyle = this.#palette.series[line.color];
      context.arc(
        chart.valToPos(end.x, 'x', true),
        chart.valToPos(end.y, 'y', true),
        3.5 * devicePixelRatio,
        0,
        2 * Math.PI,
      );
      context.fill();
    }
    context.restore();
  }

  #tipAt(chart: uPlot): ChartTip | null {
    const { idx, left } = chart.cursor;
    const x = idx === null || idx === undefined ? undefined : this.#columns[0][idx];
    if (idx === null || idx === undefined || x === undefined || left === undefined || left < 0) return null;
    const rows = this.#model.lines.flatMap((line, position) => {
      if (line.inTip === false) return [];
      const column = this.#columns[position + 1] ?? [];
      const at = nearestFilled(column, idx);
      const y = at === null ? null : column[at];
      const own = at === null ? undefined : this.#columns[0][at];
      return y === null || y === undefined || own === undefined ? [] : [{ line, x: own, y }];
    });
    const offset = chart.bbox.left / devicePixelRatio + chart.valToPos(x, 'x');
    return { x, left: offset, flipped: offset > this.#host.clientWidth * 0.6, rows };
  }
}

/** Room for the longest tick at 11 px. */
function axisWidth(values: readonly (string | null)[] | null): number {
  const longest = Math.max(0, ...(values ?? []).map((value) => value?.length ?? 0));
  return Math.max(34, 14 + longest * 6.5);
}

/** What cannot change without building the chart anew. */
function shapeOf(model: LineChartModel): string {
  const lines = model.lines.map((line) => [line.id, line.color, line.style, line.points, line.area]);
  return JSON.stringify([lines, model.log]);
}

function dashedLine(
  context: CanvasRenderingContext2D,
  color: string,
  from: [number, number],
  to: [number, number],
): void {
  context.beginPath();
  context.strokeStyle = color;
  context.lineWidth = devicePixelRatio;
  context.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
  context.setLineDash([]);
}

/** @param color as getComputedStyle writes it: rgb(r, g, b) */
function withAlpha(color: string, alpha: number): string {
  return color.startsWith('rgb(') ? `rgba(${color.slice(4, -1)}, ${alpha})` : color;
}
