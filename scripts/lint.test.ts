// Every rule of the linter finds the one thing it is there for: a rule that is misspelt or has lost its types finds nothing.
import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const config = readFileSync(`${root}.oxlintrc.json`, 'utf8');
/** A project of its own: what is wrong on purpose lies nowhere that is linted. */
const folder = mkdtempSync(join(tmpdir(), 'lint-'));
const strict = { strict: true, target: 'ES2023', module: 'ESNext', moduleResolution: 'bundler', types: [] };

const WRONG = `
/// <reference path="./other.ts" />
import { Made } from './other';
declare function later(): Promise<void>;
declare function anything(): any;
declare const found: { a?: { b: string } };
later();
const unused = 1;
let never = 2;
var old = 3;
console.log(never, old);
export function exhaust(kind: 'a' | 'b'): number {
  switch (kind) {
    case 'a':
      return 1;
  }
  return 0;
}
export const loose = (a: number): boolean => a == 1;
export const made = new Map<string, Made>();
const x = anything();
x.call();
later.apply(undefined, x);
export const back = (): string => anything();
export async function idle(): Promise<number> {
  return 3;
}
export async function awaits(): Promise<void> {
  await 3;
}
export const thrown = (): never => {
  throw 'text';
};
export const rejected = (): Promise<void> => Promise.reject('text');
export const text = \`\${{ a: 1 }}\`;
export const sum = 1 + ({} as object as string[]);
[1].forEach(async () => {
  await later();
});
export const certain = (a: string): string => a!;
delete [1, 2][0];
class Part {
  method(): void {
    console.log(this);
  }
}
export const { method } = new Part();
export type Twice = string | string;
export type Redundant = any | string;
for (const i in [1]) console.log(i);
setTimeout('later()', 1);
// @ts-ignore
export const ignored: string = 'a';
export const minus = -('a' as unknown as string[]);
export type Empty = {};
export const fn: Function = later;
export const wrapped: String = 'a';
export namespace Space {
  export const a = 1;
}
module Old {
  export const a = 1;
}
export const required = require('node:fs');
export enum E {
  A = 1,
  B = 1,
}
export const same = E.A === 1;
export const list = new Array(1, 2);
export interface Newable {
  new (): Newable;
}
export const literal = 'a' as 'a';
export function rest() {
  return [arguments];
}
export const spread = Math.max.apply(Math, [1]);
found && later;
export const chain = found?.a!;
export const extra = found!!;
export class This {
  go() {
    const self = this;
    return self;
  }
}
export interface This {
  more: string;
}
export function constrained<T extends unknown>(a: T): T {
  return a;
}
export const long = () => {
${'  console.log(1);\n'.repeat(60)}
};
${'console.log(2);\n'.repeat(500)}
`;

interface Config {
  rules: object;
  overrides: { rules: object }[];
}
interface Report {
  diagnostics: { code?: string }[];
}

async function codesOf(file: string): Promise<Set<string>> {
  const args = ['--format', 'json', file];
  // It exits with 1 where it finds something.
  const { stdout } = await promisify(execFile)(`${root}node_modules/.bin/oxlint`, args, {
    cwd: folder,
    // Looked for from the folder upwards and on the path, which has it under npm only.
    env: { ...process.env, OXLINT_TSGOLINT_PATH: `${root}node_modules/.bin/tsgolint` },
  }).catch((error: unknown) => error as { stdout: string });
  const report = JSON.parse(stdout) as Report;
  return new Set(report.diagnostics.map(({ code = '' }) => code.replace(/^eslint\((.*)\)$/, '$1')));
}

afterAll(() => rmSync(folder, { recursive: true }));

describe('oxlint', () => {
  it('one violation of each rule: each is found', async () => {
    writeFileSync(`${folder}/.oxlintrc.json`, config);
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: strict, include: ['src'] }));
    mkdirSync(`${folder}/src`);
    writeFileSync(`${folder}/src/other.ts`, 'export class Made {}\n');
    writeFileSync(`${folder}/src/wrong.ts`, WRONG);
    const found = await codesOf('src/wrong.ts');
    const { rules: everywhere, overrides } = JSON.parse(config) as Config;
    const rules = [everywhere, ...overrides.map(({ rules }) => rules)].flatMap(Object.keys);
    const names = rules.map((rule) => rule.replace(/^typescript\/(.*)$/, 'typescript($1)'));
    expect([...new Set(names)].filter((name) => !found.has(name))).toEqual([]);
  });
});
