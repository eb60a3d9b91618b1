import { expect, it } from 'vitest';
import { openDatabase } from '../../src/core/database';
import { EngineDevice } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { externalValue } from '../../src/engine/planned';
import { matMul } from '../../src/engine/planned/kernels/mat-mul';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { KernelTuning } from '../../src/services/kernel-tuning';

it('KernelTuning: times what was asked for once, keeps it, and finds it again at the next start', async () => {
  const database = await openDatabase(`tuning-${crypto.randomUUID()}`);
  const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: navigator.gpu });
  const report = await device.select('webgpu');
  const plans = device.plans;
  if (plans === null || report.adapter === null) throw new Error('There is no planned engine.');
  const [a, b, c] = [externalValue('a', [1, 8]), externalValue('b', [8, 8]), externalValue('c', [1, 8])];
  const already = plans.askedShapes.length;
  matMul(plans.recorder(), { a, b, c }, { m: 1, n: 8, k: 8 });
  expect(plans.askedShapes).toHaveLength(already + 1);
  const alone = new PlanDevice(plans.device, report.adapter);
  matMul(alone.recorder(), { a, b, c }, { m: 1, n: 8, k: 8 });

  const tuning = new KernelTuning(database);
  const events = [];
  for await (const event of tuning.run(alone, report, (work) => work())) events.push(event);
  expect(events).toEqual([{ done: 1, total: 1, product: '1x8x8 nn none' }]);

  const next = new PlanDevice(plans.device, report.adapter);
  await new KernelTuning(database).restore(next, report);
  expect(next.tuning.get('1x8x8 nn none')).toEqual(alone.tuning.get('1x8x8 nn none'));
  matMul(next.recorder(), { a, b, c }, { m: 1, n: 8, k: 8 });
  for await (const event of tuning.run(next, report, (work) => work())) throw new Error(event.product);
  database.close();
});
