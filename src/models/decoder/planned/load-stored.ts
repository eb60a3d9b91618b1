// Weights that lie in files as they are: read in long stretches, the next on their way while one is unpacked, and memory on
// the device allocated a little ahead of what fills it. Reading, unpacking and allocating overlap; what waits is bounded.
import { elements, type PlanDevice, type Quantiser, type WeightStore } from '../../../engine/planned';
import type { StoredArray } from '../../file-layout';
import { DeviceWriter } from './device-writer';
import { filePieces } from './file-pieces';
import { HostWriter } from './host-writer';
import { readPieces } from './read-pieces';

/** What is read at once: shorter stretches cost more than their bytes. */
export const PIECE_BYTES = 8 * 2 ** 20;
/** Weights whose memory is allocated before their turn: 32 MiB of f32. */
const AHEAD_ELEMENTS = 2 ** 23;

/** Begins to allocate what the weights from `from` on lie in, as far as may be begun. */
function prepareFrom(base: WeightStore, names: readonly string[], from: number): void {
  let ahead = 0;
  for (let i = from; i < names.length && ahead <= AHEAD_ELEMENTS; i += 1) {
    const name = names[i] ?? '';
    base.prepare(name);
    if (i > from && name !== names[i - 1]) ahead += elements(base.layout.members.get(name)?.shape ?? []);
  }
}

/**
 * Fills the memory of these weights.
 * @throws AppError `engine.out-of-memory`; what was allocated stays the store's.
 */
export async function writeStored(
  owner: PlanDevice,
  base: WeightStore,
  arrays: ReadonlyMap<string, StoredArray>,
  quantiser: Quantiser | null,
): Promise<void> {
  if (arrays.size === 0) return;
  const names = [...filePieces(arrays, PIECE_BYTES)].flatMap(({ parts }) => parts.map(({ name }) => name));
  const device = await DeviceWriter.open(owner, base, quantiser, arrays.values(), PIECE_BYTES);
  const host = new HostWriter(owner, base, quantiser);
  try {
    let at = 0;
    for await (const piece of readPieces(filePieces(arrays, PIECE_BYTES))) {
      for (const part of piece.parts) {
        prepareFrom(base, names, at);
        await base.prepared(part.name);
        at += 1;
        if (device?.write(part, piece) !== true) await host.write(part, piece);
      }
      await device?.finish(piece);
    }
  } finally {
    device?.dispose();
  }
}
