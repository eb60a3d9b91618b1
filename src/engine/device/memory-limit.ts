// How much memory a model and its training may take together, as far as a browser tells. Pure. Of a graphics card it tells
// nothing; of the machine it tells its main memory as a power of two, and stops counting at 8 GiB.
import type { DeviceReport } from '../../protocol/engine';

const GIBIBYTE = 1024 ** 3;
/** The wasm heap ends here. */
const WASM_HEAP_BYTES = 4 * GIBIBYTE;
const COUNTED_GIBIBYTES = 8;

/**
 * @param deviceMemory `navigator.deviceMemory`, GiB; null where the browser has no such thing.
 * @returns null when unknown.
 */
export function memoryLimit(
  { backend, adapter }: Pick<DeviceReport, 'backend' | 'adapter'>,
  deviceMemory: number | null,
): number | null {
  const isExact = deviceMemory !== null && deviceMemory > 0 && deviceMemory < COUNTED_GIBIBYTES;
  const mainBytes = isExact ? deviceMemory * GIBIBYTE : null;
  if (backend === 'wasm') return Math.min(WASM_HEAP_BYTES, mainBytes ?? Infinity);
  // A software adapter keeps its arrays in main memory, as plain JavaScript does.
  return backend === 'cpu' || adapter?.software === true ? mainBytes : null;
}
