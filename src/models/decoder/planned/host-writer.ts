// Puts stored arrays on the device as floats that the host unpacks, some at a time through memory that is used again.
import { elements, type PlanDevice, type Quantiser, type WeightStore } from '../../../engine/planned';
import { unpackBlocks } from '../../../lib/formats/gguf/gguf-blocks';
import type { StoredArray } from '../../file-layout';
import { fromGgufRows } from '../gguf/gguf-names';
import { storedBytes, unitOf, type ArrayPart } from './file-pieces';
import { QueuePace } from './queue-pace';
import type { ReadPiece } from './read-pieces';

type Floats = Float32Array<ArrayBuffer>;

/** 4 MiB of floats. */
const TURN_ELEMENTS = 2 ** 20;

/** Elements of a part that are unpacked together, with their bytes. */
interface Turn {
  start: number;
  count: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** A part in turns of at most `TURN_ELEMENTS`, or of what stays together where that is more. */
function* turns({ array, start, count, begin }: ArrayPart, piece: ReadPiece): Generator<Turn, void> {
  const unit = unitOf(array);
  const most = Math.max(1, Math.floor(TURN_ELEMENTS / unit)) * unit;
  for (let done = 0; done < count; done += most) {
    const own = Math.min(most, count - done);
    const from = begin - piece.begin + storedBytes(array, done);
    yield {
      start: start + done,
      count: own,
      bytes: new Uint8Array(piece.bytes, from, storedBytes(array, own)),
    };
  }
}

export class HostWriter {
  readonly #base: WeightStore;
  readonly #quantiser: Quantiser | null;
  readonly #pace: QueuePace;
  #floats: Floats = new Float32Array(0);
  /** Rows before they are brought into the decoder's order. */
  #moved: Floats = new Float32Array(0);

  constructor({ memory }: PlanDevice, base: WeightStore, quantiser: Quantiser | null) {
    this.#base = base;
    this.#quantiser = quantiser;
    this.#pace = new QueuePace(memory.device.queue);
  }

  /** Returns while the last of it may still be on its way. */
  async write(part: ArrayPart, piece: ReadPiece): Promise<void> {
    for (const { start, count, bytes } of turns(part, piece)) {
      const floats = this.#floatsOf(part.array, bytes, count);
      this.#base.write(part.name, floats, start, this.#quantiser);
      await this.#pace.wrote(floats.byteLength);
    }
  }

  /** Valid until the next ones are asked for. */
  #floatsOf(array: StoredArray, bytes: Uint8Array<ArrayBuffer>, count: number): Floats {
    const isPlain = array.type === 'F32' && array.headSize === null && bytes.byteOffset % 4 === 0;
    if (isPlain) return new Float32Array(bytes.buffer, bytes.byteOffset, count);
    if (this.#floats.length < count) this.#floats = new Float32Array(count);
    const floats = this.#floats.subarray(0, count);
    this.#unpack(array, bytes, floats);
    return floats;
  }

  #unpack({ type, headSize, shape }: StoredArray, bytes: Uint8Array<ArrayBuffer>, into: Floats): void {
    if (headSize === null) {
      unpackBlocks(type, bytes, into);
      return;
    }
    if (this.#moved.length < into.length) this.#moved = new Float32Array(into.length);
    const moved = this.#moved.subarray(0, into.length);
    unpackBlocks(type, bytes, moved);
    fromGgufRows(moved, headSize, elements(shape.slice(1)), into);
  }
}
