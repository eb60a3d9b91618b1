// Writes docs/architecture/: the import graph between folders and the services that each realm registers, as Mermaid.
// Both are read from the code, so they cannot drift: with --check the script fails where a file is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult } from 'dependency-cruiser';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `src/engine/eager/x.ts` is in `engine`, `workers/x.ts` in `workers`, a feature in `features/<name>`. */
export function folderOf(path: string): string {
  const [top = '', area = '', inner = ''] = path.split('/');
  if (top === 'workers') return 'workers';
  return area === 'features' ? `features/${inner}` : area;
}

export function folderEdges(modules: { source: string; targets: string[] }[]): Map<string, number> {
  const edges = new Map<string, number>();
  for (const { source, targets } of modules) {
    for (const target of targets) {
      const [from, to] = [folderOf(source), folderOf(target)];
      if (from === to || !/^(src|workers)\//.test(target)) continue;
      edges.set(`${from} ${to}`, (edges.get(`${from} ${to}`) ?? 0) + 1);
    }
  }
  return edges;
}

const identifier = (name: string) => name.replaceAll(/\W/g, '_');

export function importDiagram(edges: Map<string, number>): string {
  const lines = [...edges]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([edge, count]) => {
      const [from = '', to = ''] = edge.split(' ');
      return `  ${identifier(from)}["${from}"] -->|${count}| ${identifier(to)}["${to}"]`;
    });
  return ['graph LR', ...lines].join('\n');
}

/** Service names in the order in which a composition root registers them. */
export function registeredServices(source: string): string[] {
  const names = new Map(
    [...source.matchAll(/const (\w+)(?::[^=]+)? = createToken(?:<[^\n]*>)?\('([^']+)'\)/g)].map(
      ([, variable = '', name = '']) => [variable, name],
    ),
  );
  return [...source.matchAll(/\.register(?:Value|Class)?\(\s*(\w+)/g)].flatMap(([, variable = '']) => {
    const name = names.get(variable);
    return name === undefined ? [] : [name];
  });
}

/** Each realm and the files whose registrations make its container. */
const ROOTS: Record<string, string> = {
  page: 'src/app/compose-page.ts',
  'engine worker': 'src/services/engine-container.ts',
  'data worker': 'src/services/compose-data.ts',
  'features worker': 'src/services/compose-features.ts',
};

function registryDiagram(): string {
  const lines = Object.entries(ROOTS).flatMap(([realm, file]) => {
    const services = registeredServices(readFileSync(root + file, 'utf8'));
    const nodes = services.map((name) => `    ${identifier(`${realm} ${name}`)}["${name}"]`);
    return [`  subgraph ${identifier(realm)}["${realm}"]`, ...nodes, '  end'];
  });
  return ['graph LR', ...lines].join('\n');
}

async function importGraph(): Promise<string> {
  const { output } = await cruise([`${root}src`, `${root}workers`], {
    baseDir: root,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.test\\.ts$' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.svelte.ts', '.svelte', '.js'] },
  });
  const modules = (output as ICruiseResult).modules.map((module) => ({
    source: module.source,
    targets: module.dependencies.map((dependency) => dependency.resolved),
  }));
  return importDiagram(folderEdges(modules.filter(({ source }) => /^(src|workers)\//.test(source))));
}

const page = (title: string, text: string, diagram: string) =>
  `# ${title}\n\n${text}\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n`;

async function main() {
  const files: Record<string, string> = {
    'imports.md': page(
      'Who imports whom',
      'Folders of `src/` and the workers; a number counts the import statements. Written by `npm run diagrams`.',
      await importGraph(),
    ),
    'registry.md': page(
      'What each realm registers',
      'Services of the composition roots, in order of registration. Written by `npm run diagrams`.',
      registryDiagram(),
    ),
  };
  const folder = `${root}docs/architecture/`;
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const current = existsSync(folder + name) ? readFileSync(folder + name, 'utf8') : null;
    if (current === content) continue;
    if (process.argv.includes('--check')) {
      console.error(`docs/architecture/${name} is stale: run npm run diagrams and commit it.`);
      process.exitCode = 1;
    } else {
      writeFileSync(folder + name, content);
      console.log(`wrote docs/architecture/${name}`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
