// The check of a dataset: every sample is read once for what it says, how long it is and whether it is sound, then those
// that are not equal are compared. Yields how far it is, and the report last. Nothing is changed.
import type { Sample } from '../../protocol/datasets';
import type {
  DatasetFix,
  QualityEvent,
  QualityProgress,
  QualityReport,
  QualitySettings,
  SampleFault,
} from '../../protocol/quality';
import { splitSamples } from '../batches/split';
import type { SampleSource } from '../batches/survey';
import type { ExampleEncoder } from '../examples/example-encoder';
import { ExactDuplicates } from './exact-duplicates';
import { fittingTurns } from './fitting-turns';
import { LanguageCount } from './languages';
import { joinNearDuplicates } from './near-duplicates';
import { faultOf } from './sample-faults';
import { SampleGroups } from './sample-groups';
import { comparable, contentOf, wordsOf } from './sample-text';

const SAMPLES_PER_EVENT = 64;

export interface DatasetCheck {
  source: SampleSource;
  encoder: Pick<ExampleEncoder, 'encode'>;
  settings: QualitySettings;
  /** Milliseconds. */
  now: () => number;
}

/** What one pass over the samples found. */
interface Findings {
  samples: number;
  faults: Record<SampleFault, number[]>;
  overLong: number[];
  shortened: QualityReport['shortened'];
  exact: SampleGroups;
  /** The first of each that say the same, without faulty ones. */
  distinct: number[];
  languages: LanguageCount;
}

type Progressing<Result> = AsyncGenerator<QualityEvent, Result>;

const progress = (stage: QualityProgress['stage'], done: number, total: number): QualityEvent => ({
  type: 'progress',
  progress: { stage, done, total },
});

export async function* checkDataset(check: DatasetCheck): Progressing<void> {
  const { source, settings, now } = check;
  const started = now();
  const found = yield* readSamples(check);
  const near = yield* compare(check, found.distinct);
  const [exact, similar] = [found.exact.list(), near.list()];
  const heldOut = splitSamples(source, settings.evalShare, settings.seed);
  const leakage = leaks(source, heldOut, found.exact, near);
  const { samples, faults, overLong, shortened } = found;
  const report = { faults, exact, near: similar, leakage, overLong, shortened };
  yield {
    type: 'report',
    report: {
      ...report,
      ...{ checkedAt: now(), milliseconds: now() - started, settings, samples },
      languages: found.languages.shares(),
      nextSteps: nextSteps(report),
    },
  };
}

async function* readSamples({ source, encoder, settings }: DatasetCheck): Progressing<Findings> {
  const duplicates = await ExactDuplicates.open();
  const found: Findings = {
    samples: 0,
    faults: { empty: [], damaged: [], 'template-refused': [] },
    overLong: [],
    shortened: [],
    exact: new SampleGroups(source.count),
    distinct: [],
    languages: new LanguageCount(source.count),
  };
  for (let index = 0; index < source.count; index += 1) {
    if (index % SAMPLES_PER_EVENT === 0) yield progress('reading', index, source.count);
    if (source.leftOut.has(index)) continue;
    const sample = await source.read(index);
    found.samples += 1;
    found.languages.add(index, wordsOf(sample));
    const example = encoder.encode(sample, 'all');
    const fault = faultOf(sample, example === 'template-refused');
    if (fault !== null) found.faults[fault].push(index);
    if (typeof example !== 'string' && example.ids.length > settings.maxTokens)
      noteLength(index, sample, settings.maxTokens, encoder, found);
    noteDuplicate(index, sample, fault !== null, duplicates, found);
  }
  return found;
}

/** A text of any length is learnt in windows; a conversation is cut. */
function noteLength(
  index: number,
  sample: Sample,
  maxTokens: number,
  encoder: DatasetCheck['encoder'],
  { overLong, shortened }: Findings,
): void {
  if (sample.kind === 'text') return;
  const turns = fittingTurns(sample, maxTokens, encoder);
  if (turns > 0) shortened.push({ sample: index, turns });
  else overLong.push(index);
}

function noteDuplicate(
  index: number,
  sample: Sample,
  isFaulty: boolean,
  duplicates: ExactDuplicates,
  { exact, distinct }: Findings,
): void {
  if (isFaulty) return;
  const first = duplicates.add(index, contentOf(sample));
  if (first === null) distinct.push(index);
  else exact.join(first, index, 1);
}

async function* compare(
  { source, settings }: DatasetCheck,
  distinct: readonly number[],
): Progressing<SampleGroups> {
  const groups = new SampleGroups(source.count);
  const search = {
    samples: source.count,
    among: Uint32Array.from(distinct),
    textOf: async (index: number) => comparable(wordsOf(await source.read(index))),
    threshold: settings.similarity,
  };
  for await (const share of joinNearDuplicates(search, groups)) yield progress('comparing', share, 1);
  return groups;
}

/** Held-out samples with a training sample in their group. */
function leaks(
  { count, leftOut }: SampleSource,
  heldOut: Uint8Array,
  exact: SampleGroups,
  near: SampleGroups,
): QualityReport['leakage'] {
  const trained = { exact: new Set<number>(), near: new Set<number>() };
  const nearest = (index: number): number => near.firstOf(exact.firstOf(index));
  const each = function* (isHeldOut: 0 | 1): Generator<number, void> {
    for (let i = 0; i < count; i += 1) if (heldOut[i] === isHeldOut && !leftOut.has(i)) yield i;
  };
  for (const index of each(0)) {
    trained.exact.add(exact.firstOf(index));
    trained.near.add(nearest(index));
  }
  const leaking = [...each(1)];
  const same = leaking.filter((index) => trained.exact.has(exact.firstOf(index)));
  const alike = leaking.filter(
    (index) => !trained.exact.has(exact.firstOf(index)) && trained.near.has(nearest(index)),
  );
  return { exact: same, near: alike };
}

function nextSteps({
  faults,
  exact,
  near,
  leakage,
  overLong,
  shortened,
}: Pick<QualityReport, 'faults' | 'exact' | 'near' | 'leakage' | 'overLong' | 'shortened'>): DatasetFix[] {
  const any = (list: readonly unknown[]): boolean => list.length > 0;
  const steps: [DatasetFix, boolean][] = [
    ['drop-faulty', Object.values(faults).some(any)],
    ['drop-exact', any(exact)],
    ['keep-together', any(leakage.exact) || any(leakage.near)],
    ['drop-near', any(near)],
    ['cap-length', any(shortened)],
    ['drop-over-long', any(overLong)],
  ];
  return steps.filter(([, isNeeded]) => isNeeded).map(([fix]) => fix);
}
