// Colours of the design tokens as a canvas can use them. Tokens are written with light-dark(), which only the style
// engine resolves: a probe element takes each one as its colour and the computed value is read back.
import type { ChartColor } from './chart-lines';

export interface ChartPalette {
  series: Record<ChartColor, string>;
  surface: string;
  future: string;
  grid: string;
  text: string;
  baseline: string;
}

/** @param host element whose theme counts */
export function readPalette(host: HTMLElement): ChartPalette {
  const probe = document.createElement('span');
  probe.hidden = true;
  host.append(probe);
  const token = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: ChartPalette = {
    series: {
      ember: token('viz-ember'),
      steel: token('viz-steel'),
      verdigris: token('viz-verdigris'),
      brass: token('viz-brass'),
      rust: token('viz-rust'),
      iron: token('viz-iron'),
    },
    surface: token('bg-surface'),
    future: token('bg-subtle'),
    grid: token('viz-grid'),
    text: token('text-3'),
    baseline: token('line-2'),
  };
  probe.remove();
  return palette;
}

/** Calls back when the theme may have changed. @returns what stops watching */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', changed);
  };
}
