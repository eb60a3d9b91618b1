// What a kernel is: WGSL for one static shape, its bindings and its grid. Pure data, made by the generators beside this
// file; nothing here touches a device. Equal code is the same pipeline, whichever plan asks for it.

export interface KernelBinding {
  /** Name of the variable in the code. */
  readonly name: string;
  /** WGSL store type: `array<f32>`, `array<vec4<f32>>`, `array<u32>`. */
  readonly type: string;
  /** True also where it is read as well. */
  readonly writes: boolean;
}

export interface Kernel {
  /** For diagnostics and timings, with its shape: `rms-norm 512x128`. */
  readonly name: string;
  /** Declared for group 0 in this order by whoever compiles the kernel, who also decides the access mode. */
  readonly bindings: readonly KernelBinding[];
  /** Optional features of the language that the code uses. */
  readonly enables?: readonly string[];
  /** What of it another kernel could do in its place, by the name that `KernelVariants` keeps; absent where none can. */
  readonly variant?: string;
  /** Everything but the binding declarations; the entry point is `main`. */
  readonly code: string;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Floating-point operations, a multiply-add counts two. Paces submits. */
  readonly flops: number;
}

/** Every WebGPU device has at least these. */
const MAX_WORKGROUPS = 65_535;

export const reads = (name: string, type = 'array<f32>'): KernelBinding => ({ name, type, writes: false });
export const writes = (name: string, type = 'array<f32>'): KernelBinding => ({ name, type, writes: true });

/** A grid of at least that many workgroups: rows of them, where they are more than one dimension may have. */
export function spread(count: number): Kernel['workgroups'] {
  const x = Math.min(count, MAX_WORKGROUPS);
  return [x, Math.ceil(count / x), 1];
}

/** A grid of `count` invocations, and the WGSL that gives each its number; numbers past the end return at once. */
export function linearGrid(
  count: number,
  workgroupSize = 64,
): { workgroups: Kernel['workgroups']; signature: string; index: string } {
  const workgroups = spread(Math.ceil(count / workgroupSize));
  const [x] = workgroups;
  return {
    workgroups,
    signature: `@compute @workgroup_size(${workgroupSize}) fn main(@builtin(global_invocation_id) id: vec3<u32>)`,
    index: `let index = id.x + id.y * ${x * workgroupSize}u; if (index >= ${count}u) { return; }`,
  };
}

/** `f32` literal of WGSL: a number with a point or an exponent. */
export function float(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Binding declarations in front of the code. @param readOnly which bindings are never written in the dispatch. */
export function kernelSource({ enables = [], bindings, code }: Kernel, readOnly: readonly boolean[]): string {
  const declarations = bindings.map(
    ({ name, type }, index) =>
      `@group(0) @binding(${index}) var<storage, ${readOnly[index] === true ? 'read' : 'read_write'}> ${name}: ${type};`,
  );
  return [...enables.map((name) => `enable ${name};`), ...declarations, code].join('\n');
}
