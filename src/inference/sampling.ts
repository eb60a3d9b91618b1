// Choosing the next token from logits: pure functions, no state. Order of the steps as in Hugging Face transformers:
// repetition penalty, temperature, top-k, top-p, min-p, then one draw. Only the candidates are sorted by
// a comparator; the whole vocabulary at most as a plain typed array, which is fast.
import type { SamplingConfig } from '../protocol/inference';

export type SamplingParameters = Omit<SamplingConfig, 'seed'>;

/** Tokens that may follow, most probable first; the probabilities add up to 1. */
export interface Candidates {
  ids: number[];
  probabilities: number[];
}

/** How many tokens are looked at first when only a probability bounds the candidates. */
const FIRST_SELECTION = 64;

/** Keskar et al. 2019, "CTRL", section 4.1: divides the positive and multiplies the negative logits of seen tokens. */
export function applyRepetitionPenalty(
  logits: Float32Array<ArrayBuffer>,
  seen: Iterable<number>,
  penalty: number,
): Float32Array<ArrayBuffer> {
  if (penalty === 1) return logits;
  const result = logits.slice();
  for (const id of new Set(seen)) {
    const logit = result[id];
    if (logit !== undefined) result[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
  return result;
}

/** The token with the highest logit; the lowest id where several share it. NaN is never chosen. */
export function argmax(logits: Float32Array<ArrayBuffer>): number {
  let best = 0;
  let highest = -Infinity;
  logits.forEach((logit, id) => {
    if (logit > highest) {
      highest = logit;
      best = id;
    }
  });
  return best;
}

/** @param logits [vocabSize]. `temperature` must be above 0. */
export function candidatesOf(
  logits: Float32Array<ArrayBuffer>,
  { temperature, topK, topP, minP }: SamplingParameters,
): Candidates {
  const limit = topK > 0 ? Math.min(topK, logits.length) : logits.length;
  const highest = logits[argmax(logits)] ?? 0;
  const weightOf = (id: number): number => Math.exp(((logits[id] ?? -Infinity) - highest) / temperature);
  let ids =
    topK > 0 || (topP >= 1 && minP <= 0) ? topIds(logits, limit) : nucleusIds(logits, weightOf, topP, minP);
  if (topP < 1)
    ids = cutNucleus(ids, weightOf, topP, topK > 0 ? sum(ids, weightOf) : totalWeight(logits, weightOf));
  // The most probable token has weight 1, so min-p is a bound on the weight itself.
  if (minP > 0) ids = ids.filter((id, rank) => rank === 0 || weightOf(id) >= minP);
  const total = sum(ids, weightOf);
  return { ids, probabilities: ids.map((id) => weightOf(id) / total) };
}

/** @param uniform in [0, 1): decides the draw; not used where the temperature is 0. */
export function chooseToken(
  logits: Float32Array<ArrayBuffer>,
  seen: Iterable<number>,
  parameters: SamplingParameters,
  uniform: number,
): number {
  const penalised = applyRepetitionPenalty(logits, seen, parameters.repetitionPenalty);
  if (parameters.temperature === 0) return argmax(penalised);
  return draw(candidatesOf(penalised, parameters), uniform);
}

/** The candidate in whose part of [0, 1) the number falls. */
export function draw({ ids, probabilities }: Candidates, uniform: number): number {
  let reached = 0;
  for (const [rank, id] of ids.entries()) {
    reached += probabilities[rank] ?? 0;
    if (uniform < reached) return id;
  }
  return ids.at(-1) ?? 0;
}

/** Enough of the most probable ids to hold the nucleus and all above min-p, found by growing the selection. */
function nucleusIds(
  logits: Float32Array<ArrayBuffer>,
  weightOf: (id: number) => number,
  topP: number,
  minP: number,
): number[] {
  const total = topP < 1 ? totalWeight(logits, weightOf) : Infinity;
  for (let count = FIRST_SELECTION; count < logits.length; count *= 8) {
    const ids = topIds(logits, count);
    const last = weightOf(ids.at(-1) ?? 0);
    if (sum(ids, weightOf) >= topP * total || last < minP) return ids;
  }
  return topIds(logits, logits.length);
}

/** The shortest prefix whose share of the total reaches topP; at least one. */
function cutNucleus(
  ids: readonly number[],
  weightOf: (id: number) => number,
  topP: number,
  total: number,
): number[] {
  let reached = 0;
  const cut = ids.findIndex((id) => {
    reached += weightOf(id);
    return reached >= topP * total;
  });
  return ids.slice(0, cut === -1 ? ids.length : cut + 1);
}

/** Ids of the `count` highest logits, highest first, ties by id. */
function topIds(logits: Float32Array<ArrayBuffer>, count: number): number[] {
  const ids = idsAbove(logits, thresholdOf(logits, count));
  ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  return ids.slice(0, count);
}

/** The count-th highest logit. A typed array sorts as numbers, without a comparator. */
function thresholdOf(logits: Float32Array<ArrayBuffer>, count: number): number {
  if (count >= logits.length) return -Infinity;
  const sorted = logits.slice().sort();
  return sorted[sorted.length - count] ?? -Infinity;
}

function idsAbove(logits: Float32Array<ArrayBuffer>, threshold: number): number[] {
  const ids: number[] = [];
  logits.forEach((logit, id) => {
    if (logit >= threshold) ids.push(id);
  });
  return ids;
}

function totalWeight(logits: Float32Array<ArrayBuffer>, weightOf: (id: number) => number): number {
  let total = 0;
  for (let id = 0; id < logits.length; id += 1) total += weightOf(id);
  return total;
}

function sum(ids: readonly number[], weightOf: (id: number) => number): number {
  return ids.reduce((total, id) => total + weightOf(id), 0);
}
