// Brings in what a fresh clone lacks: npm packages, and Chromium where tests need it. Plain JavaScript, no dependencies.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const MINIMUM_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  console.error(`Node ${process.versions.node} is too old: Fragua needs ${MINIMUM_NODE.join('.')} or newer.`);
  process.exit(1);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status === 0) return true;
  console.error(`${command} ${args.join(' ')} ended with ${result.status ?? result.error?.message}.`);
  return false;
}

/** True where node_modules was installed from the lock file as it stands now. */
function packagesAreCurrent() {
  const installed = `${root}node_modules/.package-lock.json`;
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs) return true;
  const versions = (path) =>
    Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages)
      .filter(([name, entry]) => name !== '' && !entry.optional)
      .map(([name, entry]) => `${name}@${entry.version}`);
  const have = new Set(versions(installed));
  return versions(`${root}package-lock.json`).every((name) => have.has(name));
}

/** Installs npm packages when they are missing or older than the lock file. Exits where that fails. */
export function installPackages() {
  checkNode();
  if (packagesAreCurrent()) return;
  console.log('Installing packages …');
  if (!run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])) process.exit(1);
}

const CHROMIUM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Installs Chromium by apt where there is none. Exits with what to do where that fails. */
export function installChromium() {
  if (process.env.CHROMIUM_PATH !== undefined || CHROMIUM_PATHS.some((path) => existsSync(path))) return;
  console.log('Installing Chromium …');
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const apt = (...args) => {
    const [command, ...rest] = [...sudo, 'apt-get', ...args];
    return run(command, rest);
  };
  if (apt('update', '-qq') && apt('install', '-y', '-qq', 'chromium')) return;
  console.error(
    'No Chromium, and apt could not install it. Install one and set CHROMIUM_PATH to its binary.',
  );
  process.exit(1);
}
