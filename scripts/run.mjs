// Runs one TypeScript script of this project: node scripts/run.mjs <script.ts> [arguments].
// Installs the locked packages first where they are missing; signals and the exit code are passed through.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { installPackages, root } from './install.mjs';

const [script, ...scriptArguments] = process.argv.slice(2);
if (script === undefined) {
  console.error('Usage: node scripts/run.mjs <script.ts> [arguments]');
  process.exit(2);
}
installPackages();

const child = spawn(process.execPath, ['--import', 'tsx', resolve(root, script), ...scriptArguments], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
