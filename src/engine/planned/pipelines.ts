// Compiled kernels of one device, each compiled once however many plans use it.
import { AppError, messageOf } from '../../lib/errors';
import { kernelSource, type Kernel } from './kernel';

export class Pipelines {
  readonly device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** @param readOnly which bindings are only read. */
  layout(readOnly: readonly boolean[]): GPUBindGroupLayout {
    const key = readOnly.map(Number).join('');
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const layout = this.device.createBindGroupLayout({
      entries: readOnly.map((only, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: only ? 'read-only-storage' : 'storage' },
      })),
    });
    this.#layouts.set(key, layout);
    return layout;
  }

  /** @throws AppError `engine.kernel-failed` with the compiler's message. */
  get(kernel: Kernel, readOnly: readonly boolean[]): Promise<GPUComputePipeline> {
    const code = kernelSource(kernel, readOnly);
    const known = this.#pipelines.get(code);
    if (known !== undefined) return known;
    const pipeline = this.#compile(kernel, code, readOnly);
    this.#pipelines.set(code, pipeline);
    return pipeline;
  }

  async #compile(
    { name, variant }: Kernel,
    code: string,
    readOnly: readonly boolean[],
  ): Promise<GPUComputePipeline> {
    try {
      return await this.device.createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.layout(readOnly)] }),
        compute: { module: this.device.createShaderModule({ label: name, code }), entryPoint: 'main' },
      });
    } catch (error) {
      throw new AppError('engine.kernel-failed', `The kernel ${name} did not compile: ${messageOf(error)}`, {
        details: { kernel: name, variant },
        remedy: 'Update the browser or the graphics driver, or choose WebAssembly in the settings.',
      });
    }
  }
}
