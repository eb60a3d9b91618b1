// The device everything numerical runs on: picks a backend of tfjs, sets it up on a GPUDevice of our own, says why, and
// notices when it is lost. One per realm, since tfjs has one active backend. Models and trainings must be disposed
// before another backend is selected.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { AppError, messageOf } from '../../lib/errors';
import type { BackendChoice, BackendName, DeviceReport, EngineMemory } from '../../protocol/engine';
import { PlanDevice } from '../planned/plan-device';
import { tensorMemory } from '../tensor';
import { chooseBackend } from './choose-backend';
import { openGpu, type OpenedGpu } from './gpu-device';
import { measureGflops } from './measure';
import { measurePlannedGflops } from './measure-plans';
import { memoryLimit } from './memory-limit';
import { prepareWasm, type WasmPaths } from './wasm-backend';

export interface LostDevice {
  reason: string;
  message: string;
}

export interface EngineDeviceOptions {
  /** URLs of the wasm binaries; null: beside the package, which only Node can read. */
  wasmPaths: WasmPaths | null;
  /** `navigator.gpu`; null where there is none. */
  gpu: GPU | null;
  /** `navigator.deviceMemory`, GiB; absent or null where the browser does not tell. */
  deviceMemory?: number | null;
  onLost?: (lost: LostDevice) => void;
}

export class EngineDevice {
  readonly #options: EngineDeviceOptions;
  #gpu: OpenedGpu | null = null;
  #gflops: Partial<Record<BackendName, number>> = {};
  #report: DeviceReport | null = null;
  #lost: LostDevice | null = null;
  #plans: PlanDevice | null = null;

  constructor(options: EngineDeviceOptions) {
    this.#options = options;
    prepareWasm(options.wasmPaths);
  }

  /** Chooses and starts a backend; `auto` measures. Asking again for the same choice costs nothing. */
  async select(choice: BackendChoice): Promise<DeviceReport> {
    if (this.#report?.choice === choice && this.#lost === null) return this.#report;
    this.#lost = null;
    const tries: BackendName[] = choice === 'auto' ? ['webgpu', 'wasm'] : [choice];
    for (const name of tries) await this.#try(name);
    let { backend, reason } = chooseBackend(choice, this.#facts);
    if (choice !== 'auto' && backend !== choice) {
      for (const name of ['webgpu', 'wasm'] as const) if (name !== choice) await this.#try(name);
      ({ backend, reason } = chooseBackend(choice, this.#facts));
    }
    await tf.setBackend(backend);
    await tf.ready();
    this.#report = {
      backend,
      choice,
      reason,
      executor: backend === 'webgpu' && this.#plans !== null ? 'planned' : 'eager',
      adapter: this.#gpu?.report ?? null,
      measuredGflops: this.#gflops,
    };
    return this.#report;
  }

  get #facts() {
    return { adapter: this.#gpu?.report ?? null, measuredGflops: this.#gflops };
  }

  /** @throws AppError `internal` before the first `select`. */
  describe(): DeviceReport {
    if (this.#report === null) throw new AppError('internal', 'No backend was selected yet.');
    return this.#report;
  }

  memory(): EngineMemory {
    const { tensors, bytes } = tensorMemory();
    return { tensors, bytes: bytes + (this.#plans?.memory.bytes ?? 0) };
  }

  /** The planned engine; null where the backend is not WebGPU. */
  get plans(): PlanDevice | null {
    return this.#report?.backend === 'webgpu' ? this.#plans : null;
  }

  /** The planned engine is not to be trusted here: the eager one computes from now on. */
  refusePlans(reason: string): DeviceReport {
    this.#plans?.dispose();
    this.#plans = null;
    const report = this.describe();
    this.#report = {
      ...report,
      executor: 'eager',
      reason: `${report.reason} It computes operation by operation, as the planned engine did not pass its self-test here: ${reason}.`,
    };
    return this.#report;
  }

  /** Bytes a model and its training may take together; null when the device does not say. */
  get memoryLimitBytes(): number | null {
    return this.#report === null ? null : memoryLimit(this.#report, this.#options.deviceMemory ?? null);
  }

  /** Largest array of tfjs, which cuts none; null where only the memory counts. */
  get arrayLimitBytes(): number | null {
    const { backend, adapter } = this.#report ?? {};
    if (backend !== 'webgpu' || adapter === null || adapter === undefined) return null;
    return Math.min(adapter.maxBufferSize, adapter.maxStorageBufferBindingSize);
  }

  /** @throws AppError `engine.device-lost` once the GPU is gone; call it before long work. */
  assertAlive(): void {
    if (this.#lost === null) return;
    throw new AppError(
      'engine.device-lost',
      `The GPU was lost (${this.#lost.reason}): ${this.#lost.message}`,
      {
        remedy:
          'Resume the run from its last checkpoint; if it happens again, choose WebAssembly in the settings.',
      },
    );
  }

  /** Measures a backend once; one that does not start stays unmeasured. */
  async #try(name: BackendName): Promise<void> {
    if (this.#gflops[name] !== undefined || name === 'cpu') return;
    try {
      if (name === 'webgpu' && !(await this.#startWebGpu())) return;
      if (!(await tf.setBackend(name))) return;
      this.#gflops[name] =
        name === 'webgpu' && this.#plans !== null
          ? await measurePlannedGflops(this.#plans)
          : await measureGflops();
    } catch (error) {
      console.warn(`The ${name} backend did not start: ${messageOf(error)}`);
    }
  }

  async #startWebGpu(): Promise<boolean> {
    this.#gpu = await openGpu(this.#options.gpu);
    if (this.#gpu === null) return false;
    const { device, info, report } = this.#gpu;
    this.#plans = new PlanDevice(device, report);
    const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
    tf.removeBackend('webgpu');
    tf.registerBackend('webgpu', () => new WebGPUBackend(device, info));
    void device.lost.then((lost) => this.#onLost(device, lost));
    return true;
  }

  #onLost(device: GPUDevice, { reason, message }: GPUDeviceLostInfo): void {
    if (this.#gpu?.device !== device) return;
    this.#gpu = null;
    // Its buffers went with the device.
    this.#plans = null;
    delete this.#gflops.webgpu;
    if (this.#report?.backend !== 'webgpu') return;
    this.#lost = { reason, message };
    this.#options.onLost?.(this.#lost);
  }
}
