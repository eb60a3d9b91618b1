// The benchmark page's trainers as suites drive them.
import type { Page } from 'playwright';
import type { EngineName, TrainCase } from './cases';
import type { StepFigures } from './page/main';

export const openTrainer = (page: Page, engine: EngineName, test: TrainCase): Promise<void> =>
  page.evaluate(([engine, test]) => bench.open(engine, test), [engine, test] as const);

export const stepTrainer = (page: Page, engine: EngineName, count: number): Promise<StepFigures[]> =>
  page.evaluate(([engine, count]) => bench.step(engine, count), [engine, count] as const);

export const closeTrainer = (page: Page, engine: EngineName): Promise<void> =>
  page.evaluate((engine) => bench.close(engine), engine);
