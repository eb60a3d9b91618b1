// The device, with its planned engine proven before anything runs on it: some drivers compute wrong without an error. Where
// the self-test fails, variants of the kernels are set aside until it passes; where it never does, the eager engine
// computes. The report says what and why. A device that passed is not asked again.
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
  /** After a failure: each turn leaves the plans with other variants, worth another test. */
  fallbacks: (plans: Plans) => AsyncIterable<void>;
  variants: (plans: Plans) => VariantLedger;
  /** Called once plans may be used. */
  restore: (plans: Plans, report: DeviceReport) => Promise<void>;
}

/** Variants that are set aside, with reasons by name. */
export interface VariantLedger {
  readonly setAside: ReadonlyMap<string, string>;
  drop(name: string, reason: string): void;
}

/** What is remembered of a device that passed. */
interface Passed {
  key: string;
  setAside: Record<string, string>;
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
    const passed = await this.#passed(key);
    if (passed === null) {
      const fault = await this.#proven(plans);
      if (fault !== null) return device.refusePlans(fault);
      await this.#remember(key, plans);
    } else {
      const ledger = this.#parts.variants(plans);
      for (const [name, reason] of Object.entries(passed.setAside)) ledger.drop(name, reason);
    }
    await this.#parts.restore(plans, report);
    return this.describe();
  }

  /** With the variants that are set aside by now: some do not compile long after the start. */
  describe(): DeviceReport {
    const { device, variants } = this.#parts;
    const report = device.describe();
    if (device.plans === null) return report;
    const { setAside } = variants(device.plans);
    return setAside.size === 0 ? report : { ...report, setAsideVariants: Object.fromEntries(setAside) };
  }

  memory(): EngineMemory {
    return this.#parts.device.memory();
  }

  /** @returns null once the self-test passes, with whatever variants are left; else what was wrong at first. */
  async #proven(plans: Plans): Promise<string | null> {
    const fault = await this.#faultOf(plans);
    if (fault === null) return null;
    try {
      for await (const _ of this.#parts.fallbacks(plans)) {
        if ((await this.#faultOf(plans)) === null) return null;
      }
      return fault;
    } catch (error) {
      return `${fault}; ${messageOf(error)}`;
    }
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

  /** null where nothing is known of this device and build. */
  async #passed(key: string): Promise<Passed | null> {
    const known: unknown = await this.#parts.database?.get('documents', DOCUMENT).catch(() => null);
    return isPassed(known) && known.key === key ? known : null;
  }

  /** A full disk costs a test at the next start, nothing else. */
  async #remember(key: string, plans: Plans): Promise<void> {
    const passed: Passed = { key, setAside: Object.fromEntries(this.#parts.variants(plans).setAside) };
    await this.#parts.database?.put('documents', passed, DOCUMENT).catch(() => undefined);
  }
}

const isPassed = (known: unknown): known is Passed =>
  typeof known === 'object' && known !== null && 'key' in known && 'setAside' in known;
