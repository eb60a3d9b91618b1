// From opening the address to a first token: first visit with an empty profile, then later visits from the offline store.
import { AppSession } from '../../scripts/app-session';
import { adapterLabel, median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface Visit {
  /** The first view stands and takes input. */
  viewMs: number;
  /** The engine has chosen its backend. */
  engineMs: number;
  /** First token of the embedded model. */
  tokenMs: number;
}

/** Milliseconds since the navigation began, on the page's own clock. */
async function measure(session: AppSession): Promise<Visit> {
  return session.page.evaluate(async () => {
    const viewMs = performance.getEntriesByName('fragua:ready')[0]?.startTime ?? Number.NaN;
    await fragua.engine.describeDevice();
    const engineMs = performance.now();
    const [model] = await fragua.engine.listModels();
    if (model === undefined) throw new Error('No model is installed.');
    const events = fragua.engine.generate({
      target: { modelId: model.id, adapterId: null },
      input: { prompt: `It was ${performance.timeOrigin}` },
      sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 1 },
      maxTokens: 1,
      stop: [],
    });
    for await (const event of events) if (event.type !== 'start') break;
    return { viewMs, engineMs, tokenMs: performance.now() };
  });
}

const summary = (visit: string, visits: Visit[]) => ({
  visit,
  'view ms': median(visits.map((each) => each.viewMs)),
  'engine ms': median(visits.map((each) => each.engineMs)),
  'first token ms': median(visits.map((each) => each.tokenMs)),
});

export async function startupSuite({ quick, backend }: SuiteOptions): Promise<SuiteRun> {
  const repeats = quick ? 1 : 5;
  const [first, later]: [Visit[], Visit[]] = [[], []];
  let adapter = 'none';
  let browserVersion = '';
  for (let index = 0; index < repeats; index += 1) {
    const session = await AppSession.open({ backend, build: index === 0 });
    first.push(await measure(session));
    await session.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await session.context.setOffline(true);
    await session.load();
    later.push(await measure(session));
    const device = await session.page.evaluate(() => fragua.engine.describeDevice());
    adapter = adapterLabel(device);
    ({ browserVersion } = session);
    await session.close();
  }
  const rows = [summary('first visit', first), summary('later, offline', later)];
  const tokenMs = (visits: Visit[]) => median(visits.map((each) => each.tokenMs));
  return {
    result: {
      suite: 'startup',
      adapter,
      rows,
      ratios: { 'firstToken.firstOverLater': tokenMs(first) / tokenMs(later) },
    },
    browserVersion,
  };
}
