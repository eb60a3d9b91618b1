// npm test: every check of the project, in two lanes that take about as long (tests of the code in one, the built app and what is
// read rather than run in the other), each step's output kept apart.
// Ends with `N passed, N failed`. Options: --only NAME (repeatable) runs some steps; --all takes every case of the long lists of
// kernels, of which the usual run takes some that between them have each variant (tests/support/case-choice.ts).
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installChromium, installPackages, root } from './install.mjs';

const results = `${root}.cache/test`;
const bin = (name) => `${root}node_modules/.bin/${name}`;
const script = (name, ...args) => [bin('tsx'), `scripts/${name}.ts`, ...args];
const vitest = (project) => [
  bin('vitest'),
  'run',
  '--project',
  project,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}/${project}.json`,
];

/** A step passes as one check, unless `count` reads how many tests its report holds. */
const lanes = [
  [
    { name: 'unit', command: vitest('unit'), count: countVitest },
    { name: 'parity', command: vitest('parity'), count: countVitest },
    { name: 'browser', command: vitest('browser'), count: countVitest },
  ],
  [
    { name: 'build', command: [bin('vite'), 'build', '--logLevel', 'warn'] },
    { name: 'budget', command: script('budget') },
    { name: 'e2e', command: [bin('playwright'), 'test'], count: countPlaywright },
    { name: 'format', command: [bin('prettier'), '--check', '--log-level', 'warn', '.'] },
    { name: 'lint', command: [bin('oxlint'), '--deny-warnings'] },
    { name: 'lint-svelte', command: [bin('eslint'), '.', '--max-warnings', '0'] },
    // TypeScript 7, whose answers are those of 6; the linters and Vite take 6 as a library.
    { name: 'types', command: [`${root}node_modules/@typescript/native/bin/tsc`, '--noEmit'] },
    {
      name: 'svelte',
      command: [bin('svelte-check'), '--tsgo', '--threshold', 'warning', '--fail-on-warnings'],
    },
    { name: 'imports', command: [bin('depcruise'), 'src', 'workers', '--config', '.dependency-cruiser.cjs'] },
    { name: 'coverage', command: script('coverage', '--check') },
    { name: 'diagrams', command: script('diagrams', '--check') },
  ],
];

function countVitest(name) {
  const report = JSON.parse(readFileSync(`${results}/${name}.json`, 'utf8'));
  return { passed: report.numPassedTests, failed: report.numFailedTests };
}

function countPlaywright() {
  const { stats } = JSON.parse(readFileSync(`${results}/e2e.json`, 'utf8'));
  return { passed: stats.expected + stats.flaky, failed: stats.unexpected };
}

function execute([command, ...args]) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...every, PLAYWRIGHT_JSON_OUTPUT_NAME: `${results}/e2e.json` },
    });
    const keep = (chunk) => (output += chunk);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ status: 1, output: `${output}${error.message}\n` }));
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** Tests counted from the report; a step that failed counts at least one failure. */
function tally(step, status) {
  let counts = { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1 };
  if (step.count !== undefined) {
    try {
      counts = step.count(step.name);
    } catch {
      counts = { passed: 0, failed: 1 };
    }
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function runStep(step, totals) {
  const started = Date.now();
  const { status, output } = await execute(step.command);
  const counts = tally(step, status);
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const verdict = counts.failed === 0 ? 'ok' : 'FAILED';
  console.log(
    `${verdict.padEnd(7)}${step.name.padEnd(12)}${String(counts.passed).padStart(5)} passed  ${seconds} s`,
  );
  if (counts.failed > 0) console.log(output.trimEnd());
}

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, all: { type: 'boolean', default: false } },
});
const every = values.all ? { FRAGUA_TESTS: 'all' } : {};
const known = lanes.flat().map((step) => step.name);
const unknown = (values.only ?? []).filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(', ')} is unknown: the steps are ${known.join(', ')}.`);
  process.exit(1);
}
installPackages();
installChromium();
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const totals = { passed: 0, failed: 0 };
await Promise.all(
  lanes.map(async (lane) => {
    for (const step of lane) {
      if (values.only === undefined || values.only.includes(step.name)) await runStep(step, totals);
    }
  }),
);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
