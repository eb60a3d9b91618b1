// CRC-32 as zip has it (ISO 3309, reflected polynomial 0xEDB88320), over pieces, eight bytes at a time.

const POLYNOMIAL = 0xedb8_8320;
const SLICES = 8;

/** Table t of a byte: what it does after t more bytes. */
const TABLES: readonly Uint32Array[] = tables();

function tables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ ((value & 1) === 1 ? POLYNOMIAL : 0);
    return value;
  });
  const all = [first];
  for (let slice = 1; slice < SLICES; slice += 1) {
    const before = all[slice - 1] ?? first;
    all.push(before.map((value) => (value >>> 8) ^ (first[value & 0xff] ?? 0)));
  }
  return all;
}

export class Crc32 {
  #state = 0xffff_ffff;

  update(bytes: Uint8Array): void {
    const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ];
    const at = (table: Uint32Array, index: number): number => table[index & 0xff] ?? 0;
    let state = this.#state;
    let i = 0;
    for (; i + SLICES <= bytes.length; i += SLICES) {
      const low = state ^ word(bytes, i);
      const high = word(bytes, i + 4);
      state =
        at(t7, low) ^
        at(t6, low >>> 8) ^
        at(t5, low >>> 16) ^
        at(t4, low >>> 24) ^
        at(t3, high) ^
        at(t2, high >>> 8) ^
        at(t1, high >>> 16) ^
        at(t0, high >>> 24);
    }
    for (; i < bytes.length; i += 1) state = (state >>> 8) ^ at(t0, state ^ (bytes[i] ?? 0));
    this.#state = state;
  }

  /** Unsigned. */
  get value(): number {
    return ~this.#state >>> 0;
  }
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) |
  ((bytes[at + 1] ?? 0) << 8) |
  ((bytes[at + 2] ?? 0) << 16) |
  ((bytes[at + 3] ?? 0) << 24);
