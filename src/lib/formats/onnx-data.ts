// The files beside an ONNX graph that hold its weights: which they are, and whether they hold what the graph says.
import { unsupportedOnnx, truncatedOnnx } from './onnx-faults';
import type { OnnxArrayInfo } from './onnx-description';

/** Names, each once, sorted. */
export function dataFilesOf(arrays: readonly OnnxArrayInfo[]): string[] {
  return [...new Set(arrays.flatMap(({ external }) => external?.location ?? []))].sort();
}

/**
 * @param sizes in bytes, of the files that are there.
 * @throws AppError `model.unsupported` for a file that is missing, `model.truncated` for one that is too short.
 */
export function checkDataFiles(arrays: readonly OnnxArrayInfo[], sizes: ReadonlyMap<string, number>): void {
  for (const { name, external, sizeBytes } of arrays) {
    if (external === null) continue;
    const { location, offset } = external;
    const size = sizes.get(location);
    if (size === undefined) {
      throw unsupportedOnnx(
        `${location} is missing, which holds ${name}`,
        `Choose ${location} together with the other files of the model.`,
        { file: location },
      );
    }
    if (offset + sizeBytes > size) {
      throw truncatedOnnx(`${name} ends at byte ${offset + sizeBytes} of ${location}, which has ${size}`, {
        file: location,
        sizeBytes: size,
      });
    }
  }
}
