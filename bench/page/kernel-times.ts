// How long each kernel of a training step and of a decoded token takes by itself. The dispatches are those of the models;
// weights are zeros, batches whole, and every array has memory of its own.
import {
  adamW,
  externalValue,
  PAGE_TOKENS,
  PagePool,
  Plan,
  Recorder,
  SETTINGS_SIZE,
  Tape,
  WeightLayout,
  type BufferRange,
  type PlanDevice,
  type Recording,
  type Value,
} from '../../src/engine/planned';
import { GpuTimer } from '../../src/engine/planned/tune/gpu-timer';
import { timePlan } from '../../src/engine/planned/tune/time-plan';
import { frozenView } from '../../src/models/decoder/planned/parameter-views';
import { recordStep } from '../../src/models/decoder/planned/plan-bytes';
import { recordRead } from '../../src/models/decoder/planned/record-decoder';
import { ropeValues } from '../../src/models/decoder/planned/rope-buffers';
import { baseGroups } from '../../src/models/decoder/planned/weight-groups';
import { LORA, type TrainCase } from '../cases';

export interface KernelTime {
  name: string;
  /** How often it runs in a step or for a token. */
  count: number;
  /** Of one run. */
  milliseconds: number;
  flops: number;
  /** Of all arrays it is bound to, each once; null where it reads only some rows of them. */
  bytes: number | null;
}

/** Tokens that a decoded one sees. */
const CACHED_TOKENS = 128;
/** These are bound to tables of which they read or write some rows. */
const TOUCHES_ROWS = /embedding|gather|scatter|cached attention|labelled/;

/** By the name of an array; others are zeros. */
type Contents = Readonly<Record<string, Uint32Array<ArrayBuffer>>>;

const countUp = (length: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from({ length }, (_, index) => index);

export class KernelTimes {
  readonly #device: PlanDevice;
  readonly #timer: GpuTimer;

  constructor(device: PlanDevice) {
    this.#device = device;
    this.#timer = new GpuTimer(device.device);
  }

  /** @param rounds measurements of each kernel; the best counts. */
  trainingStep({ config, method, rows, length }: TrainCase, rounds: number): Promise<KernelTime[]> {
    const step = { method, lora: LORA, batchSize: rows, sequenceLength: length };
    const tokens = rows * length;
    const contents = { rows: countUp(tokens), order: countUp(tokens), count: Uint32Array.of(tokens) };
    return this.#timeAll(recordStep(config, step, this.#device, false), contents, rounds);
  }

  /** AdamW over one flat array. @param parameters a multiple of four */
  optimizerStep(parameters: number, rounds: number): Promise<KernelTime[]> {
    const flat = (name: string): Value => externalValue(name, [parameters]);
    const recorder = new Recorder(this.#device.traits);
    const norm = externalValue('norm', [4]);
    const arrays = { value: flat('value'), gradient: flat('gradient') };
    const moments = { moment1: flat('moment1'), moment2: flat('moment2'), decayed: parameters };
    adamW(recorder, [{ ...arrays, ...moments }], externalValue('settings', [SETTINGS_SIZE]), norm);
    // The third number says that the step is applied.
    const contents = { norm: new Uint32Array(Float32Array.of(0, 1, 1, 0).buffer) };
    return this.#timeAll(recorder.finish(), contents, rounds);
  }

  async decodedToken({ config }: TrainCase, rounds: number): Promise<KernelTime[]> {
    const { layers, kvHeads, headSize } = config;
    const pool = new PagePool(this.#device.memory, { layers, kvHeads, headSize });
    const pages = await pool.take(CACHED_TOKENS / PAGE_TOKENS);
    const layout = new WeightLayout(baseGroups(config, 'f32'), this.#device.slabBytes, false);
    const tape = new Tape(new Recorder(this.#device.traits, this.#device.variantOf), true);
    const inputs = {
      ids: externalValue('ids', [1]),
      positions: externalValue('positions', [1]),
      pageTable: externalValue('page table', [1, pages.length]),
      sequences: externalValue('sequences', [1]),
      last: externalValue('last', [1]),
    };
    const logits = externalValue('logits', [1, config.vocabSize]);
    const tables = ropeValues(CACHED_TOKENS, config);
    recordRead(tape, config, frozenView(config, layout), inputs, tables, pool, { kind: 'logits', logits });
    const contents = { positions: Uint32Array.of(CACHED_TOKENS - 1), 'page table': Uint32Array.from(pages) };
    try {
      return await this.#timeAll(tape.recorder.finish(), contents, rounds, (value) => pool.rangeOf(value));
    } finally {
      pool.dispose();
    }
  }

  dispose(): void {
    this.#timer.dispose();
  }

  /** One of each name. @param rangeOf where values live that have memory already */
  async #timeAll(
    recording: Recording,
    contents: Contents,
    rounds: number,
    rangeOf: (value: Value) => BufferRange | null = () => null,
  ): Promise<KernelTime[]> {
    const times = new Map<string, KernelTime>();
    for (const dispatch of recording.dispatches) {
      const { kernel, values } = dispatch;
      const seen = times.get(kernel.name);
      if (seen !== undefined) {
        seen.count += 1;
        continue;
      }
      const bytes = [...new Set(values)].reduce((sum, value) => sum + value.bytes, 0);
      times.set(kernel.name, {
        name: kernel.name,
        count: 1,
        milliseconds: await this.#timeAlone(
          { ...recording, dispatches: [dispatch] },
          contents,
          rounds,
          rangeOf,
        ),
        flops: kernel.flops,
        bytes: TOUCHES_ROWS.test(kernel.name) ? null : bytes,
      });
    }
    return [...times.values()];
  }

  /** @param recording of one dispatch; arrays between it and others are its own. */
  async #timeAlone(
    recording: Recording,
    contents: Contents,
    rounds: number,
    rangeOf: (value: Value) => BufferRange | null,
  ): Promise<number> {
    const { memory } = this.#device;
    const ranges = new Map<Value, BufferRange>();
    for (const value of recording.dispatches.flatMap(({ values }) => values)) {
      if (!value.external || ranges.has(value)) continue;
      const known = rangeOf(value);
      const buffer = known?.buffer ?? (await memory.allocate(Math.max(16, value.bytes), value.name));
      const range = known ?? { buffer, offset: 0, bytes: value.bytes };
      const content = contents[value.name];
      if (content !== undefined && known === null) memory.write(range, content);
      ranges.set(value, range);
    }
    const plan = await Plan.compile(this.#device, recording, (value) => ranges.get(value) as BufferRange);
    // The first run compiles.
    await this.#timer.measure(() => plan.run());
    const milliseconds = await timePlan(this.#timer, plan, rounds);
    plan.dispose();
    for (const [value, { buffer }] of ranges) if (rangeOf(value) === null) memory.free(buffer);
    return milliseconds;
  }
}
