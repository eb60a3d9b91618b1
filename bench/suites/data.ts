// Data on its way to training: near duplicates among short texts, how long and how complete.
import { PageSession } from '../page-session';
import type { SuiteOptions, SuiteRun } from '../suite';

export async function dataSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const found = await session.page.evaluate(
      (count) => bench.searchDuplicates(count),
      quick ? 20_000 : 100_000,
    );
    const row = {
      measure: 'near duplicates',
      texts: found.texts,
      seconds: found.milliseconds / 1000,
      groups: found.groups,
      'pairs looked at': found.pairs,
      recall: found.recall,
    };
    return {
      result: {
        ...{ suite: 'data', adapter: 'none, runs on the processor', rows: [row], ratios: {} },
        figures: { nearDuplicates: { recall: found.recall, seconds: found.milliseconds / 1000 } },
      },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
