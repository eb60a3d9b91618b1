// Where the temporary arrays of a plan live: two share memory when they are never alive at the same time. Largest first,
// each at the lowest place that is free for its whole life (greedy by size; Pisarchyk and Lee 2020). Pure.
import { AppError } from '../../lib/errors';
import { aligned, type Recording, type Value } from './recorder';

export interface ArenaPlace {
  slab: number;
  /** Bytes from the slab's start. */
  offset: number;
}

export interface ArenaLayout {
  places: ReadonlyMap<Value, ArenaPlace>;
  /** Bytes of each slab. */
  slabs: readonly number[];
  bytes: number;
}

interface Life {
  value: Value;
  /** Numbers of the first and last dispatch that touch it. */
  first: number;
  last: number;
}

function lives({ dispatches }: Recording): Life[] {
  const found = new Map<Value, Life>();
  dispatches.forEach(({ values }, index) => {
    for (const value of values) {
      if (value.external || value.constant) continue;
      const life = found.get(value);
      if (life === undefined) found.set(value, { value, first: index, last: index });
      else life.last = index;
    }
  });
  return [...found.values()];
}

interface Placed extends Life {
  start: number;
  end: number;
}

/** Lowest start where `bytes` fit beside those alive at the same time, without crossing the end of a slab. */
function lowestStart(life: Life, placed: readonly Placed[], slabBytes: number): number {
  const bytes = aligned(life.value.bytes);
  const within = (start: number): number => {
    const left = slabBytes - (start % slabBytes);
    return left >= bytes ? start : start + left;
  };
  let start = within(0);
  // `placed` is in order of `start`.
  for (const other of placed) {
    if (other.first > life.last || other.last < life.first) continue;
    if (start + bytes <= other.start) break;
    if (other.end > start) start = within(other.end);
  }
  return start;
}

/** @throws AppError `engine.unsupported` for an array larger than a slab: the device cannot bind it. */
export function layoutArena(recording: Recording, slabBytes: number): ArenaLayout {
  const bySize = lives(recording).sort((a, b) => b.value.bytes - a.value.bytes || a.first - b.first);
  const placed: Placed[] = [];
  for (const life of bySize) {
    if (life.value.bytes > slabBytes) throw tooLarge(life.value, slabBytes);
    const start = lowestStart(life, placed, slabBytes);
    const at = placed.findIndex((other) => other.start > start);
    placed.splice(at < 0 ? placed.length : at, 0, { ...life, start, end: start + aligned(life.value.bytes) });
  }
  const slabs: number[] = [];
  const places = new Map<Value, ArenaPlace>();
  for (const { value, start, end } of placed) {
    const slab = Math.floor(start / slabBytes);
    places.set(value, { slab, offset: start - slab * slabBytes });
    slabs[slab] = Math.max(slabs[slab] ?? 0, end - slab * slabBytes);
  }
  const sizes = Array.from(slabs, (size) => size ?? 0);
  return { places, slabs: sizes, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function tooLarge({ name, shape, bytes }: Value, slabBytes: number): AppError<'engine.out-of-memory'> {
  return new AppError(
    'engine.out-of-memory',
    `The array ${name} [${shape.join(', ')}] takes ${bytes} bytes; the device binds at most ${slabBytes}.`,
    {
      details: { name, bytes, limitBytes: slabBytes },
      remedy: 'Choose a smaller batch or a shorter sequence.',
    },
  );
}
