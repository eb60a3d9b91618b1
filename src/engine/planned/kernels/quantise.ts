// From f32 to few bits on the GPU, a run of groups at a time, with the bits of the host's `quantise` on every device:
// scales have few enough digits that the comparisons which decide a rounding are exact, whatever a division returned.
import { float, reads, writes, type Kernel } from '../kernel';
import { GROUP_SIZE, maxLevel, TINY, type LevelBits, type QuantisedBits } from '../quantise';

/** Groups of a workgroup, one per invocation. */
const WORKGROUP = 64;

/** `place`: groups to quantise, the first group's number in `words` and `scales`, and the tensor's number. */
const PLACE = reads('place', 'array<u32>');

/**
 * Bindings: f32 input from its beginning; `place`; words and, but for 16 bits, scales of the whole array; squares, per
 * group of the input: of what was lost and of what was there.
 */
export const quantiseKernel = (bits: QuantisedBits, groups: number): Kernel =>
  bits === 16 ? halvesKernel(groups) : levelsKernel(bits, groups);

/** Rounded by whole numbers: what `pack2x16float` makes of what lies between two halves is the device's choice. */
const HALF_OF = `fn half_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let sign = (bits >> 16u) & 0x8000u;
  // Of a half the largest.
  let size = min(bits & 0x7fffffffu, 0x477fe000u);
  if (size < 0x38800000u) { return sign | u32(round(bitcast<f32>(size) * 16777216.0)); }
  return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
}`;

function halvesKernel(groups: number): Kernel {
  return {
    name: 'quantise 16 bits',
    bindings: [
      reads('source', 'array<vec4<f32>>'),
      PLACE,
      writes('words', 'array<u32>'),
      writes('squares', 'array<vec2<f32>>'),
    ],
    code: `${HALF_OF}
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let group = id.x;
  if (group >= place[0]) { return; }
  var lost = 0.0;
  var all = 0.0;
  for (var i = 0u; i < ${GROUP_SIZE / 4}u; i++) {
    let value = source[group * ${GROUP_SIZE / 4}u + i];
    let pair = vec2u(half_of(value.x) | (half_of(value.y) << 16u), half_of(value.z) | (half_of(value.w) << 16u));
    let difference = vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y)) - value;
    lost += dot(difference, difference);
    all += dot(value, value);
    let at = (place[1] + group) * ${GROUP_SIZE / 2}u + 2u * i;
    words[at] = pair.x;
    words[at + 1u] = pair.y;
  }
  squares[group] = vec2f(lost, all);
}`,
    workgroups: [Math.ceil(groups / WORKGROUP), 1, 1],
    flops: 20 * groups * GROUP_SIZE,
  };
}

function levelsKernel(bits: LevelBits, groups: number): Kernel {
  const perWord = 32 / bits;
  const most = float(maxLevel(bits));
  const inverse = float(Math.fround(1 / maxLevel(bits)));
  return {
    name: `quantise int${bits}`,
    bindings: [
      reads('source', 'array<vec4<f32>>'),
      PLACE,
      writes('words', 'array<u32>'),
      writes('scales'),
      writes('squares', 'array<vec2<f32>>'),
    ],
    code: `
fn level_of(value: f32, scale: f32) -> f32 {
  let size = abs(value);
  // At most one off, by the division; halves and levels times the scale are exact.
  var level = floor(size / scale + 0.5);
  if ((level + 0.5) * scale <= size) { level += 1.0; }
  if ((level - 0.5) * scale > size) { level -= 1.0; }
  level = min(level, ${most});
  return select(level, -level, value < 0.0);
}
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let group = id.x;
  if (group >= place[0]) { return; }
  var largest = 0.0;
  for (var i = 0u; i < ${GROUP_SIZE / 4}u; i++) {
    let four = abs(source[group * ${GROUP_SIZE / 4}u + i]);
    largest = max(largest, max(max(four.x, four.y), max(four.z, four.w)));
  }
  let live = largest >= ${float(TINY)};
  let scale = select(0.0, bitcast<f32>((bitcast<u32>(largest * ${inverse}) + 128u) & 0xffffff00u), live);
  let target_group = place[1] + group;
  var lost = 0.0;
  var all = 0.0;
  for (var i = 0u; i < ${GROUP_SIZE / perWord}u; i++) {
    var word = 0u;
    for (var j = 0u; j < ${perWord}u; j++) {
      let at = i * ${perWord}u + j;
      let value = source[group * ${GROUP_SIZE / 4}u + at / 4u][at % 4u];
      var level = 0.0;
      if (live) { level = level_of(value, scale); }
      word |= (bitcast<u32>(i32(level)) & ${2 ** bits - 1}u) << (j * ${bits}u);
      let difference = level * scale - value;
      lost += difference * difference;
      all += value * value;
    }
    words[target_group * ${GROUP_SIZE / perWord}u + i] = word;
  }
  scales[target_group] = scale;
  squares[group] = vec2f(lost, all);
}`,
    workgroups: [Math.ceil(groups / WORKGROUP), 1, 1],
    flops: 20 * groups * GROUP_SIZE,
  };
}

/** Adds the squares of all groups to those of the tensor. */
export function sumSquaresKernel(): Kernel {
  return {
    name: 'sum of squares',
    bindings: [reads('squares', 'array<vec2<f32>>'), PLACE, writes('totals', 'array<vec2<f32>>')],
    code: `var<workgroup> parts: array<vec2f, 64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  var part = vec2f();
  for (var i = lane; i < place[0]; i += 64u) { part += squares[i]; }
  parts[lane] = part;
  for (var width = 32u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (lane < width) { parts[lane] += parts[lane + width]; }
  }
  if (lane == 0u) { totals[place[2]] += parts[0]; }
}`,
    workgroups: [1, 1, 1],
    flops: 1,
  };
}
