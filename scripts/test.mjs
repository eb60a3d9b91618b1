// npm test: every check of the project, two at a time, each step's output kept apart.
// Ends with `N passed, N failed`. Options: --only NAME (repeatable) runs some steps; --all takes every case of the long lists of
// kernels, of which the usual run takes some that between them have each variant (tests/support/case-choice.ts).
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs, stripVTControlCharacters } from 'node:util';
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

/**
 * In the order in which they begin: long ones first, so that both lanes end together. A step passes as one check, unless
 * `read` takes its tests from its report; `after` names a step whose result it needs.
 */
const steps = [
  { name: 'build', command: [bin('vite'), 'build', '--logLevel', 'warn'] },
  { name: 'parity', command: vitest('parity'), read: readVitest },
  { name: 'e2e', command: [bin('playwright'), 'test'], read: readPlaywright, after: 'build' },
  { name: 'browser', command: vitest('browser'), read: readVitest },
  { name: 'unit', command: vitest('unit'), read: readVitest },
  { name: 'lint-svelte', command: [bin('eslint'), '.', '--max-warnings', '0'] },
  {
    name: 'svelte',
    command: [bin('svelte-check'), '--tsgo', '--threshold', 'warning', '--fail-on-warnings'],
  },
  { name: 'format', command: [bin('prettier'), '--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: [bin('oxlint'), '--deny-warnings'] },
  // TypeScript 7, whose answers are those of 6; the linters and Vite take 6 as a library.
  { name: 'types', command: [`${root}node_modules/@typescript/native/bin/tsc`, '--noEmit'] },
  { name: 'imports', command: [bin('depcruise'), 'src', 'workers', '--config', '.dependency-cruiser.cjs'] },
  { name: 'diagrams', command: script('diagrams', '--check') },
  { name: 'coverage', command: script('coverage', '--check') },
  { name: 'budget', command: script('budget'), after: 'build' },
];
/** Vite's word on a way of loading configurations that is not used here. */
const QUIET = { VITE_CONFIG_NATIVE_IGNORE_WARNING: 'true' };
const LANES = 2;
const LINES_OF_FAILURE = 12;

const reportOf = (name) => JSON.parse(readFileSync(`${results}/${name}.json`, 'utf8'));

function readVitest(name) {
  const { numPassedTests: passed, numFailedTests: failed, testResults } = reportOf(name);
  const failures = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => ({ title: fullName, message: failureMessages[0] }));
  return { passed, failed, failures };
}

function readPlaywright(name) {
  const { stats, suites } = reportOf(name);
  const specsOf = ({ specs = [], suites: inner = [] }) => [...specs, ...inner.flatMap(specsOf)];
  const failures = suites
    .flatMap(specsOf)
    .filter(({ ok }) => !ok)
    .map(({ title, file, tests }) => {
      const { message, location } = tests[0]?.results.at(-1)?.error ?? {};
      return { title: `${title} (${file}:${location?.line ?? '?'})`, message };
    });
  return { passed: stats.expected + stats.flaky, failed: stats.unexpected, failures };
}

function execute([command, ...args]) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...QUIET, ...every, PLAYWRIGHT_JSON_OUTPUT_NAME: `${results}/e2e.json` },
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
  let found = { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, failures: [] };
  if (step.read !== undefined) {
    try {
      found = step.read(step.name);
    } catch {
      found = { passed: 0, failed: 1, failures: [] };
    }
  }
  if (status !== 0 && found.failed === 0) found.failed = 1;
  return found;
}

/** What failed, before the long output that says it too: whoever sees only the beginning of it knows. */
function printFailures(failures) {
  for (const { title, message = '' } of failures) {
    console.log(`  ✘ ${title}`);
    for (const line of stripVTControlCharacters(message).split('\n').slice(0, LINES_OF_FAILURE))
      console.log(`      ${line}`);
  }
}

async function runStep(step, totals) {
  const started = Date.now();
  const { status, output } = await execute(step.command);
  const { passed, failed, failures } = tally(step, status);
  totals.passed += passed;
  totals.failed += failed;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const verdict = failed === 0 ? 'ok' : 'FAILED';
  console.log(
    `${verdict.padEnd(7)}${step.name.padEnd(12)}${String(passed).padStart(5)} passed  ${seconds} s`,
  );
  if (failed === 0) return;
  printFailures(failures);
  console.log(output.trimEnd());
}

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, all: { type: 'boolean', default: false } },
});
const every = values.all ? { FRAGUA_TESTS: 'all' } : {};
const known = steps.map((step) => step.name);
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
const waiting = steps.filter(({ name }) => values.only === undefined || values.only.includes(name));
const running = new Map();

/** Does one waiting step after the other. What none may begin yet is waited for with the steps that go on. */
async function lane() {
  while (waiting.length > 0) {
    const isBlocked = ({ after }) => running.has(after) || waiting.some(({ name }) => name === after);
    const next = waiting.findIndex((step) => !isBlocked(step));
    if (next < 0) await Promise.race(running.values());
    else {
      const [step] = waiting.splice(next, 1);
      const done = runStep(step, totals).finally(() => running.delete(step.name));
      running.set(step.name, done);
      await done;
    }
  }
}

await Promise.all(Array.from({ length: LANES }, lane));
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
