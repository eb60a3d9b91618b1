// The device, with its planned engine proven before anything runs on it: some drivers compute wrong without an error. Where
// the self-test fails, the eager engine computes and the report says why. A device that passed is not asked again.
import type { Database } from '../core/database';
import { messageOf } from '../lib/errors';
import type { BackendChoice, DeviceReport, EngineMemory, SelfTestReport } from '../protocol/engine';
import type { ComputeDevice } from './engine-service';

/** A device that may have a planned engine. */
export interface PlannedDevice<Plans> extends ComputeDevice {
  /** null where there is none. */
  readonly plans: Plans | null;
  /** From now on the device has none. */
  refusePlans(reason: string): DeviceReport;
}

export interface VerifiedDeviceParts<Plans> {
  device: PlannedDevice<Plans>;
  /** Remembers what passed; null remembers nothing. */
  database: Database | null;
  /** Changes with every build: other kernels are to be proven anew. */
  build: string;
  selfTest: (plans: Plans) => Promise<SelfTestReport>;
  /** Called once plans may be used. */
  restore: (plans: Plans, report: DeviceReport) => Promise<void>;
}

const DOCUMENT = 'planned-self-test';

export class VerifiedDevice<Plans> implements ComputeDevice {
  readonly #parts: VerifiedDeviceParts<Plans>;

  constructor(parts: VerifiedDeviceParts<Plans>) {
    this.#parts = parts;
  }

  async select(choice: BackendChoice): Promise<DeviceReport> {
    const { device } = this.#parts;
    const report = await device.select(choice);
    const { plans } = device;
    if (plans === null) return report;
    const key = this.#keyOf(report);
    if ((await this.#passed()) !== key) {
      const fault = await this.#faultOf(plans);
      if (fault !== null) return device.refusePlans(fault);
      await this.#remember(key);
    }
    await this.#parts.restore(plans, report);
    return report;
  }

  describe(): DeviceReport {
    return this.#parts.device.describe();
  }

  memory(): EngineMemory {
    return this.#parts.device.memory();
  }

  async #faultOf(plans: Plans): Promise<string | null> {
    try {
      const { checks } = await this.#parts.selfTest(plans);
      const failed = checks.filter(({ passed }) => !passed);
      const [first] = failed;
      if (first === undefined) return null;
      return `${failed.length} of ${checks.length} checks failed, first ${first.name} (off by ${first.relativeError.toExponential(1)})`;
    } catch (error) {
      return messageOf(error);
    }
  }

  #keyOf({ adapter }: DeviceReport): string {
    return JSON.stringify([this.#parts.build, adapter]);
  }

  async #passed(): Promise<unknown> {
    return this.#parts.database?.get('documents', DOCUMENT).catch(() => null);
  }

  /** A full disk costs a test at the next start, nothing else. */
  async #remember(key: string): Promise<void> {
    await this.#parts.database?.put('documents', key, DOCUMENT).catch(() => undefined);
  }
}
