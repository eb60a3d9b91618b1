// Puts stored arrays on the device as they lie in their files; what they stand for is worked out there, into weights kept in
// f32 or into a quantiser. Owns the memory on the way.
import {
  elements,
  proveUnpacking,
  STAGED_ELEMENTS,
  Unpacker,
  type PackedRows,
  type PackedType,
  type PieceRange,
  type PlanDevice,
  type Quantiser,
  type QuantiserTarget,
  type WeightStore,
} from '../../../engine/planned';
import type { StoredArray } from '../../file-layout';
import { storedBytes, unitOf, type ArrayPart } from './file-pieces';
import { QueuePace } from './queue-pace';
import type { ReadPiece } from './read-pieces';

interface Target extends PieceRange {
  quantised: QuantiserTarget | null;
}

const headsOf = ({ headSize, shape }: StoredArray): PackedRows['heads'] =>
  headSize === null ? null : { width: elements(shape.slice(1)), size: headSize };

export class DeviceWriter {
  readonly #base: WeightStore;
  readonly #quantiser: Quantiser | null;
  readonly #unpacker: Unpacker;
  readonly #pieceBytes: number;
  readonly #pace: QueuePace;
  #staged: ReadPiece | null = null;

  private constructor(
    { memory }: PlanDevice,
    base: WeightStore,
    quantiser: Quantiser | null,
    unpacker: Unpacker,
    pieceBytes: number,
  ) {
    this.#base = base;
    this.#quantiser = quantiser;
    this.#unpacker = unpacker;
    this.#pieceBytes = pieceBytes;
    this.#pace = new QueuePace(memory.device.queue);
  }

  /**
   * Encodings are tried on the device first; those that fail are set aside.
   * @param pieceBytes what a stretch of a file has at most.
   * @returns null where the device unpacks none of these: a processor that plays one is slower at it than the host.
   * @throws AppError `engine.out-of-memory`.
   */
  static async open(
    owner: PlanDevice,
    base: WeightStore,
    quantiser: Quantiser | null,
    arrays: Iterable<StoredArray>,
    pieceBytes: number,
  ): Promise<DeviceWriter | null> {
    const types = new Set<PackedType>();
    for (const { type } of arrays) if (type !== 'F32') types.add(type);
    if (owner.target.kind === 'software' || types.size === 0) return null;
    const right = await proveUnpacking(owner, types);
    if (right.length === 0) return null;
    const unpacker = await Unpacker.open(owner, right, pieceBytes);
    return new DeviceWriter(owner, base, quantiser, unpacker, pieceBytes);
  }

  /** @returns false where this has to be the host's, and nothing was written. */
  write(part: ArrayPart, piece: ReadPiece): boolean {
    const targets = this.#base.layout
      .rangesOf(part.name, part.start, part.count)
      .map((range) => ({ ...range, quantised: this.#base.quantiserTarget(range) }));
    if (!targets.every((target) => this.#takes(target, part, piece))) return false;
    if (this.#staged !== piece) {
      this.#unpacker.stage(piece.bytes);
      this.#staged = piece;
    }
    for (const target of targets) {
      if (target.quantised === null) this.#unpack(part, piece, target);
      else this.#quantise(part, piece, target, target.quantised);
    }
    return true;
  }

  /** The piece is done with. Waits while too much is on its way. */
  async finish(piece: ReadPiece): Promise<void> {
    if (this.#staged !== piece) return;
    this.#unpacker.flush();
    this.#staged = null;
    await this.#pace.wrote(piece.bytes.byteLength);
  }

  dispose(): void {
    this.#unpacker.dispose();
  }

  #takes({ from, at, count, quantised }: Target, { array, begin }: ArrayPart, piece: ReadPiece): boolean {
    const unit = unitOf(array);
    const heads = headsOf(array);
    // A range that cuts a head would have rows of another one.
    if (heads !== null && (from % unit !== 0 || count % unit !== 0)) return false;
    if (quantised !== null && (this.#quantiser === null || unit > STAGED_ELEMENTS)) return false;
    const isStaged = piece.bytes.byteLength <= this.#pieceBytes && (begin - piece.begin) % 2 === 0;
    return isStaged && this.#unpacker.takes(array.type, quantised === null ? at : 0, heads);
  }

  /** Elements of a part from its element `first` on. */
  #rows({ array, begin }: ArrayPart, piece: ReadPiece, first: number, count: number): PackedRows {
    const { type } = array;
    if (type === 'F32') throw new RangeError('F32 is copied, not unpacked.');
    return { type, at: begin - piece.begin + storedBytes(array, first), count, heads: headsOf(array) };
  }

  #unpack(part: ArrayPart, piece: ReadPiece, { from, at, count, piece: { value } }: Target): void {
    this.#unpacker.unpack(this.#rows(part, piece, from, count), this.#base.rangeOf(value), at);
  }

  #quantise(part: ArrayPart, piece: ReadPiece, { from, count }: Target, target: QuantiserTarget): void {
    const quantiser = this.#quantiser;
    if (quantiser === null) return;
    const unit = unitOf(part.array);
    const most = Math.floor(STAGED_ELEMENTS / unit) * unit;
    for (let done = 0; done < count; done += most) {
      const own = Math.min(most, count - done);
      this.#unpacker.unpack(this.#rows(part, piece, from + done, own), quantiser.source, 0);
      this.#unpacker.flush();
      quantiser.writeSource(part.name, own, { ...target, offset: target.offset + done });
    }
  }
}
