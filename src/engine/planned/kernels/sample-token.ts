// Chooses the next token of each row from its logits: repetition penalty, temperature, top-k, top-p, min-p and one draw, in
// this order, as the sampler on the host does it. Nothing is sorted: every cut and the draw itself are the question "which
// is the highest key that the tokens from it upwards reach this count or this mass", answered three bits of the key at a
// time. Sums are taken in a fixed order, so the same numbers give the same token. One workgroup per row; the logits are
// changed in place where there is a penalty.
import type { Kernel } from '../kernel';
import { reads, writes } from '../kernel';
import type { DeviceTraits, Recorder, Value } from '../recorder';

/** Numbers per row of the settings. */
export const SAMPLING_FIELDS = 8;

export interface TokenSettings {
  /** 0 is greedy. */
  temperature: number;
  /** 0 is off. */
  topK: number;
  /** 1 is off. */
  topP: number;
  /** 0 is off. */
  minP: number;
  /** 1 is off. */
  repetitionPenalty: number;
  /** In [0, 1): decides the draw. */
  uniform: number;
  /** How many seen tokens the penalty is for. */
  seen: number;
}

/** The largest f32 below 1: a draw that rounds to 1 would find no token. */
const ALMOST_ONE = 1 - 2 ** -24;

/** Writes one row's settings as the kernel reads them. @param at index of the row's first number. */
export function writeTokenSettings(target: DataView, at: number, settings: TokenSettings): void {
  const { temperature, topK, topP, minP, repetitionPenalty, uniform, seen } = settings;
  const float = (field: number, value: number): void => target.setFloat32(4 * (at + field), value, true);
  float(0, temperature === 0 ? 0 : 1 / temperature);
  target.setUint32(4 * (at + 1), topK, true);
  float(2, topP);
  float(3, minP);
  float(4, repetitionPenalty);
  float(5, Math.min(uniform, ALMOST_ONE));
  target.setUint32(4 * (at + 6), repetitionPenalty === 1 ? 0 : seen, true);
}

/** Invocations of a row: one SIMD register where barriers are dear, otherwise as many as every device has. */
const lanesOf = ({ rowLanes }: DeviceTraits): number => (rowLanes === 1 ? 4 : 256);

/** Keys are u32 in the order of the logits; NaN is the lowest. */
const KEYS = `
const MINUS_INFINITY = 0x007fffffu;
fn key_at(index: u32) -> u32 {
  let bits = logits[base + index];
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0u; }
  if ((bits << 1u) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
fn logit_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key >> 31u) == 1u));
}
// In units of the most probable token's.
fn weight_of(key: u32) -> f32 {
  if (key <= MINUS_INFINITY) { return 0.0; }
  return exp((logit_of(key) - highest_logit) * sharpness);
}
// What of a token is left after the cuts so far. Of the tokens at the cut itself only some may be: each counts for a part.
fn left_of(key: u32, weighted: bool) -> f32 {
  if (key < cut) { return 0.0; }
  var weight = 1.0;
  if (weighted) {
    weight = weight_of(key);
    if (weight < least_weight) { return 0.0; }
  }
  return select(weight, weight * cut_share, key == cut);
}`;

const sumUp = (lanes: number): string => `
fn sum_up(low: vec4f, high: vec4f) {
  workgroupBarrier();
  low_sums[lane] = low;
  high_sums[lane] = high;
  for (var width = ${lanes / 2}u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) {
      low_sums[lane] += low_sums[lane + width];
      high_sums[lane] += high_sums[lane + width];
    }
  }
  workgroupBarrier();
}`;

/** The search; afterwards `found` is a key that occurs, and `above` what the keys above it sum up to. */
const search = (size: number, lanes: number): string => `
// wanted: a count, or a share of the whole where it is weighted. strict: to be passed, not only reached.
fn search(wanted: f32, weighted: bool, strict: bool) {
  found = 0u;
  above = 0.0;
  goal = wanted;
  for (var shift = 30i; shift >= 0; shift -= 3) {
    let bits = u32(shift);
    var low = vec4f();
    var high = vec4f();
    for (var i = lane; i < ${size}u; i += ${lanes}u) {
      let key = key_at(i);
      if (((key ^ found) >> bits) < 8u && key >= cut) {
        let left = vec4f(left_of(key, weighted));
        let digit = vec4u((key >> bits) & 7u);
        low += select(vec4f(), left, digit == vec4u(0u, 1u, 2u, 3u));
        high += select(vec4f(), left, digit == vec4u(4u, 5u, 6u, 7u));
      }
    }
    sum_up(low, high);
    let sums = array<vec4f, 2>(low_sums[0], high_sums[0]);
    if (shift == 30 && weighted) { goal = wanted * (dot(sums[0], vec4f(1.0)) + dot(sums[1], vec4f(1.0))); }
    descend(sums, bits, strict);
  }
}
// Where rounding keeps the goal from being reached, the lowest key that there is.
fn descend(sums: array<vec4f, 2>, bits: u32, strict: bool) {
  var parts = sums;
  var total = above;
  var digit = 0u;
  for (var d = 8u; d > 0u; d--) {
    let part = parts[(d - 1u) / 4u][(d - 1u) % 4u];
    if (part == 0.0) { continue; }
    digit = d - 1u;
    above = total;
    total += part;
    if (select(total >= goal, total > goal, strict)) { break; }
  }
  found |= digit << bits;
}
// Tokens whose key is the found one, and the first of them.
fn count_found() -> f32 {
  var count = 0.0;
  var lowest = 0xffffffffu;
  for (var i = lane; i < ${size}u; i += ${lanes}u) {
    if (key_at(i) == found) {
      count += 1.0;
      lowest = min(lowest, i);
    }
  }
  atomicMin(&first, lowest);
  sum_up(vec4f(count), vec4f());
  return low_sums[0].x;
}
// Leaves the tokens above the found key, and of those at it as many as the goal needs.
fn cut_at_found(weighted: bool) {
  let count = count_found();
  let there = select(count, round(count * cut_share), found == cut);
  let weight = select(1.0, max(weight_of(found), 1e-30), weighted);
  cut_share = clamp(ceil((goal - above) / weight), 1.0, max(there, 1.0)) / max(count, 1.0);
  cut = found;
}`;

const choose = (size: number): string => `
fn choose(uniform_draw: f32) {
  atomicStore(&first, 0xffffffffu);
  search(uniform_draw, true, true);
  let count = count_found();
  let there = select(count, round(count * cut_share), found == cut);
  let weight = max(weight_of(found), 1e-30);
  let rank = u32(clamp(floor((goal - above) / weight), 0.0, max(there - 1.0, 0.0)));
  if (lane != 0u) { return; }
  var index = atomicLoad(&first);
  // Rare: several tokens have exactly this logit and it is not the first one's turn.
  for (var skipped = 0u; skipped < rank && index < ${size - 1}u;) {
    index += 1u;
    if (key_at(index) == found) { skipped += 1u; }
  }
  chosen[row] = min(index, ${size - 1}u);
}`;

function sampleKernel(rows: number, size: number, seen: number, lanes: number): Kernel {
  return {
    name: `sample ${rows}x${size} of ${lanes}`,
    bindings: [
      writes('logits', 'array<u32>'),
      reads('settings', 'array<vec4<u32>>'),
      reads('seen', 'array<u32>'),
      writes('chosen', 'array<u32>'),
    ],
    code: `
var<workgroup> low_sums: array<vec4f, ${lanes}>;
var<workgroup> high_sums: array<vec4f, ${lanes}>;
var<workgroup> highest: atomic<u32>;
var<workgroup> first: atomic<u32>;
var<workgroup> shared_settings: array<vec4u, 2>;
var<private> row: u32;
var<private> base: u32;
var<private> lane: u32;
var<private> sharpness: f32;
var<private> highest_logit: f32;
var<private> least_weight: f32;
var<private> cut: u32;
var<private> cut_share: f32;
var<private> found: u32;
var<private> above: f32;
var<private> goal: f32;
${KEYS}
${sumUp(lanes)}
${search(size, lanes)}
${choose(size)}
// Keskar et al. 2019, "CTRL", section 4.1. No token is in the list twice.
fn penalise(penalty: f32, count: u32) {
  for (var i = lane; i < count; i += ${lanes}u) {
    let index = base + seen[row * ${seen}u + i];
    let logit = bitcast<f32>(logits[index]);
    logits[index] = bitcast<u32>(select(logit * penalty, logit / penalty, logit > 0.0));
  }
}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  row = group.x;
  lane = local;
  base = row * ${size}u;
  if (lane < 2u) { shared_settings[lane] = settings[row * 2u + lane]; }
  let settings = workgroupUniformLoad(&shared_settings);
  if (settings[1].z > 0u) {
    penalise(bitcast<f32>(settings[1].x), settings[1].z);
    storageBarrier();
  }
  var top = 0u;
  for (var i = lane; i < ${size}u; i += ${lanes}u) { top = max(top, key_at(i)); }
  atomicMax(&highest, top);
  atomicStore(&first, 0xffffffffu);
  workgroupBarrier();
  found = atomicLoad(&highest);
  sharpness = bitcast<f32>(settings[0].x);
  if (settings[0].x == 0u) {
    _ = count_found();
    if (lane == 0u) { chosen[row] = atomicLoad(&first); }
    return;
  }
  highest_logit = logit_of(found);
  cut = 0u;
  cut_share = 1.0;
  least_weight = 0.0;
  if (settings[0].y > 0u) {
    search(f32(min(settings[0].y, ${size}u)), false, false);
    cut_at_found(false);
  }
  let top_p = bitcast<f32>(settings[0].z);
  if (top_p < 1.0) {
    search(top_p, true, false);
    cut_at_found(true);
  }
  least_weight = min(bitcast<f32>(settings[0].w), 1.0);
  choose(bitcast<f32>(settings[1].y));
}`,
    workgroups: [rows, 1, 1],
    flops: 40 * rows * size,
  };
}

export interface SamplingInputs {
  /** u32 [rows, SAMPLING_FIELDS], as `writeTokenSettings` writes them. */
  settings: Value;
  /** Ids that the penalty is for, each once; u32 [rows, most]. */
  seen: Value;
}

/** @param logits f32 [rows, vocabulary], changed; @param chosen u32 [rows]; @param lanes a power of two up to 256. */
export function sampleToken(
  recorder: Recorder,
  logits: Value,
  { settings, seen }: SamplingInputs,
  chosen: Value,
  lanes = lanesOf(recorder.traits),
): void {
  const [rows = 0, size = 0] = logits.shape;
  const kernel = sampleKernel(rows, size, seen.shape[1] ?? 0, lanes);
  recorder.dispatch(kernel, [logits, settings, seen, chosen]);
}
