// How figures of a run are written: learning rates as 8.2e-5, losses with three decimals, bytes with their unit apart.
import { formatBytes, formatExponent, formatFixed, formatNumber, t } from '../../i18n/index.svelte';
import type { RunRecord, RunStatus } from '../../../protocol/training';

const NONE = '–';

export function rateText(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return NONE;
  if (rate === 0 || (rate >= 0.01 && rate < 1000)) return formatNumber(rate, 4);
  return formatExponent(Number(rate.toExponential(1)));
}

export function lossText(loss: number | null | undefined): string {
  return loss === null || loss === undefined ? NONE : formatFixed(loss, 3);
}

export function normText(norm: number | null | undefined): string {
  if (norm === null || norm === undefined) return NONE;
  return norm !== 0 && norm < 0.01 ? formatExponent(norm, 1) : formatFixed(norm, 2);
}

export function speedText(tokensPerSecond: number | null | undefined): string {
  if (tokensPerSecond === null || tokensPerSecond === undefined) return NONE;
  return formatNumber(tokensPerSecond, tokensPerSecond < 10 ? 1 : 0);
}

/** Value and unit apart, for tiles that print the unit small. */
export function bytesParts(bytes: number | null | undefined): { value: string; unit: string } {
  if (bytes === null || bytes === undefined) return { value: NONE, unit: '' };
  const [value = NONE, unit = ''] = formatBytes(bytes).split(' ');
  return { value, unit };
}

/** Short name of a backend; one that is not known is written as it is. */
export function backendText(backend: string): string {
  const known = (['webgpu', 'wasm', 'cpu'] as const).find((name) => name === backend);
  return known === undefined ? backend : t(`settings.engine.${known}`);
}

export function methodText(run: RunRecord): string {
  return run.config.method === 'full' ? t('tune.full') : `LoRA r${run.config.lora.rank}`;
}

export function statusText(status: RunStatus): string {
  return t(`tune.status.${status}`);
}

/** Class of the badge, or of the dot, of a status. */
export function statusTone(status: RunStatus): 'ember' | 'ok' | 'warn' | 'err' | 'info' | 'plain' {
  switch (status) {
    case 'running':
      return 'ember';
    case 'finished':
      return 'ok';
    case 'interrupted':
      return 'info';
    case 'failed':
      return 'err';
    case 'paused':
    case 'stopped':
      return 'plain';
  }
}
