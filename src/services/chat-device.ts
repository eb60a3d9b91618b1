// The device, with what chats are computed on where there is no WebGPU: onnxruntime, once it loaded and computed right
// here, else the engine that trains. The report says which and why. Owns nothing: the runtime lives as long as its realm.
import { messageOf } from '../lib/errors';
import type { BackendChoice, DeviceReport, EngineMemory, SelfTestReport } from '../protocol/engine';
import type { ComputeDevice } from './engine-service';

export interface ChatDeviceParts<Runtime extends { readonly threads: number }> {
  device: ComputeDevice;
  start: () => Promise<Runtime>;
  selfTest: (runtime: Runtime) => Promise<SelfTestReport['checks']>;
}

type Chat = NonNullable<DeviceReport['chat']>;

/** A failure holds until the next start of the page: what did not load then would not load now. */
interface Proven<Runtime> {
  runtime: Runtime | null;
  chat: Chat;
}

export class ChatDevice<Runtime extends { readonly threads: number }> implements ComputeDevice {
  readonly #parts: ChatDeviceParts<Runtime>;
  #proving: Promise<Proven<Runtime>> | null = null;
  #proven: Proven<Runtime> | null = null;

  constructor(parts: ChatDeviceParts<Runtime>) {
    this.#parts = parts;
  }

  async select(choice: BackendChoice): Promise<DeviceReport> {
    const { backend } = await this.#parts.device.select(choice);
    if (backend !== 'webgpu') this.#proven = await (this.#proving ??= this.#prove());
    return this.describe();
  }

  describe(): DeviceReport {
    const report = this.#parts.device.describe();
    if (report.backend === 'webgpu' || this.#proven === null) return report;
    return { ...report, chat: this.#proven.chat };
  }

  memory(): EngineMemory {
    return this.#parts.device.memory();
  }

  /** null where chats are the engine's that trains. */
  get runtime(): Runtime | null {
    return this.describe().chat === undefined ? null : (this.#proven?.runtime ?? null);
  }

  async #prove(): Promise<Proven<Runtime>> {
    const { start, selfTest } = this.#parts;
    try {
      const runtime = await start();
      const failed = (await selfTest(runtime)).find(({ passed }) => !passed);
      if (failed === undefined)
        return { runtime, chat: { executor: 'onnxruntime', threads: runtime.threads } };
      return refused(`${failed.name} is off by ${failed.relativeError.toExponential(1)}`);
    } catch (error) {
      return refused(messageOf(error));
    }
  }
}

const refused = (reason: string): Proven<never> => ({ runtime: null, chat: { executor: 'eager', reason } });
