// The loss curve as a small SVG: training loss as a line, held-out bits per byte as dots with a line, one axis each.
import type { CurvePoint } from './checkpoint';

const WIDTH = 640;
const HEIGHT = 280;
const LEFT = 46;
const RIGHT = 46;
const TOP = 16;
const BOTTOM = 34;

type Scale = (value: number) => number;

export function curveSvg(curve: readonly CurvePoint[]): string {
  const steps = curve.map(({ step }) => step);
  const lastStep = Math.max(1, ...steps);
  const x: Scale = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / lastStep;
  const held = curve.filter((point) => point.heldOutBitsPerByte !== null);
  const loss = axis(curve.map(({ trainLoss }) => trainLoss));
  const bits = axis(held.map(({ heldOutBitsPerByte }) => heldOutBitsPerByte ?? 0));
  const lossLine = curve.map(({ step, trainLoss }) => place(x(step), loss.y(trainLoss)));
  const bitsPoints = held.map(({ step, heldOutBitsPerByte }) =>
    place(x(step), bits.y(heldOutBitsPerByte ?? 0)),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<title>Training loss and held-out bits per byte over the steps</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${loss.ticks.map((tick) => gridLine(loss.y(tick), tick.toFixed(1))).join('\n')}
${bits.ticks.map((tick) => text(WIDTH - RIGHT + 6, bits.y(tick) + 4, tick.toFixed(1), '#1c6ea4')).join('\n')}
${[0, 0.25, 0.5, 0.75, 1].map((share) => text(x(share * lastStep) - 8, HEIGHT - 16, String(Math.round(share * lastStep)), '#444444')).join('\n')}
<polyline fill="none" stroke="#b3541e" stroke-width="1.5" points="${lossLine.join(' ')}"/>
<polyline fill="none" stroke="#1c6ea4" stroke-width="1.5" stroke-dasharray="4 3" points="${bitsPoints.join(' ')}"/>
${text(LEFT + 8, TOP + 10, 'training loss, nats per token (left)', '#b3541e')}
${text(LEFT + 230, TOP + 10, 'held-out bits per byte (right, dashed)', '#1c6ea4')}
${text(WIDTH / 2 - 12, HEIGHT - 3, 'steps', '#444444')}
</svg>
`;
}

/** Half units around the values, from bottom to top. */
function axis(values: readonly number[]): { y: Scale; ticks: number[] } {
  const low = Math.floor(2 * Math.min(...values, 8)) / 2;
  const high = Math.max(low + 0.5, Math.ceil(2 * Math.max(...values)) / 2);
  const spacing = high - low > 3 ? 1 : 0.5;
  const ticks: number[] = [];
  for (let tick = low; tick <= high + 1e-9; tick += spacing) ticks.push(tick);
  return { y: (value) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * (value - low)) / (high - low), ticks };
}

function place(x: number, y: number): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

function text(x: number, y: number, content: string, color: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${color}">${content}</text>`;
}

function gridLine(y: number, label: string): string {
  const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#e4e4e4"/>`;
  return `${line}\n${text(LEFT - 28, y + 4, label, '#b3541e')}`;
}
